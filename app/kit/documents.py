"""A YAML file as plain values, with the line and column of every one of them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.errors import Invalid

MOST_CHARACTERS = 1_000_000
MOST_VALUES = 50_000
MOST_DEPTH = 40
AROUND = 2
_LINE = re.compile(r"\bline (\d+)")

Path = tuple[str | int, ...]
_READ = ("null", "bool", "int", "float")


@dataclass
class Document:
    """`places` holds line and column, both from 1, of each value and, with `key=True`, of its name."""

    value: Any
    source_name: str
    places: dict[tuple[Path, bool], tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, *, key: bool = False) -> tuple[int, int] | None:
        """Line and column of the nearest value that the file really has."""
        while path and (path, False) not in self.places:
            path = path[:-1]
        return self.places.get((path, key)) or self.places.get((path, False))

    def where(self, path: Path, *, key: bool = False) -> str:
        """`job.yml line 7, column 3`."""
        place = self.place(path, key=key)
        return f"{self.source_name} line {place[0]}, column {place[1]}" if place else self.source_name


def read(source: str | Mapping, source_name: str) -> Document:
    """Read YAML, JSON or a mapping; raises Invalid that says where the text stops being YAML."""
    if isinstance(source, Mapping):
        return Document(_plain(source), source_name)
    if len(source) > MOST_CHARACTERS:
        raise Invalid(f"{source_name}: a file may have {MOST_CHARACTERS:,} characters; it has {len(source):,}.")
    loader = None
    try:
        loader = yaml.SafeLoader(source)
        node = loader.get_single_node()
        document = Document(None, source_name)
        document.value = _Builder(loader, document).build(node, ()) if node else None
    except yaml.YAMLError as error:
        raise Invalid(_not_yaml(error, source_name)) from error
    except RecursionError as error:
        raise Invalid(f"{source_name}: the values are nested too deeply.") from error
    finally:
        if loader:
            loader.dispose()
    return document


class _Builder:
    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self.loader = loader
        self.document = document
        self.values = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._place(node, path)
        self.values += 1
        if self.values > MOST_VALUES or len(path) > MOST_DEPTH:
            raise Invalid(f"{self.document.where(path)}: the file holds too many values or nests them too deeply.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _place(self, node: yaml.Node, path: Path, *, key: bool = False) -> None:
        self.document.places[path, key] = (node.start_mark.line + 1, node.start_mark.column + 1)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict:
        # A key that comes from `<<: *anchor` may be given again: that is how it is overridden.
        own = {id(key_node) for key_node, _ in node.value}
        self.loader.flatten_mapping(node)
        found: dict = {}
        given: set[str] = set()
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise Invalid(f"{self.document.where(path)}: the name of a field must be text.")
            if key in given and id(key_node) in own:
                self._place(key_node, (*path, key))
                where = self.document.where((*path, key))
                raise Invalid(f"{where}: `{key}` is given twice; keep one of them.", target=dotted((*path, key)))
            if id(key_node) in own:
                given.add(key)
            found[key] = self.build(value_node, (*path, key))
            self._place(key_node, (*path, key), key=True)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        kind = node.tag.rpartition(":")[2]
        if kind in _READ:
            try:
                value = self.loader.construct_object(node)
            except ValueError:
                return node.value
            # JSON, in which the registry keeps it, has no infinities.
            return str(value) if isinstance(value, float) and not math.isfinite(value) else value
        if kind not in ("str", "timestamp", "value"):
            raise Invalid(f"{self.document.where(path)}: the tag {node.tag!r} is not read here; give a plain value.")
        return node.value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _not_yaml(error: yaml.YAMLError, source_name: str) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{source_name} line {mark.line + 1}, column {mark.column + 1}" if mark else source_name
    problem = getattr(error, "problem", None) or str(error)
    advice = ""
    if "mapping values are not allowed" in problem:
        advice = " Put text that holds `: ` in quotes."
    elif "'\\t'" in problem:
        advice = " Indent with spaces, not with tabs."
    return f"{where}: this is not YAML: {problem}.{advice}"


def dotted(path: Path) -> str:
    """`inputs.data.path`, as the field is named in messages and `target`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def excerpt(text: str, message: str) -> list[tuple[int, str, bool]]:
    """The lines around the one that a message names, as number, text, and whether it is the one."""
    named = _LINE.search(message)
    if not named:
        return []
    line, lines = int(named[1]), text.splitlines()
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    return [(number, lines[number - 1], number == line) for number in range(first, last + 1)]
