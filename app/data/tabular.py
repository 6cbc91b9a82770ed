"""Which files of a version hold a table, and how they are read.

Source of the MLTable file: learn.microsoft.com/azure/machine-learning/reference-yaml-mltable.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from app.data.files import MOST_COUNTED, Lying
from app.datastores.stores import reaching
from app.errors import Invalid
from app.kit.documents import read as read_document
from app.kit.storage import Entry, safe_key

FORMATS = {"csv": "csv", "tsv": "tsv", "parquet": "parquet", "jsonl": "jsonl", "ndjson": "jsonl", "json": "json"}
PACKED = (".csv.gz", ".tsv.gz", ".jsonl.gz", ".ndjson.gz", ".json.gz")
MLTABLE = "MLTable"
_LONGEST_MLTABLE = 1 << 20
_ENCODINGS = {
    "utf8": "utf-8", "utf8bom": "utf-8", "ascii": "utf-8", "utf16": "utf-16", "latin1": "latin-1",
    "iso88591": "latin-1", "windows1252": "latin-1",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Files that are read together, with their sizes in bytes; `options` are `delimiter`, `header`, `encoding`,
    `keep`, `drop` and `take`, and `notes` what is to be told of how they were taken."""

    format: str
    files: tuple[Entry, ...]
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def format_of(path: str) -> str | None:
    """None for a file that is no table."""
    name = path.lower().removesuffix(".gz") if path.lower().endswith(PACKED) else path.lower()
    return FORMATS.get(name.rpartition(".")[2]) if "." in name else None


def find(there: Lying, type: str, path: str = "") -> Table:
    """The table at a path of a version; without one, of an MLTable what its file says, else of its files of that
    format of which there are most. Raises Invalid and NotFound that say what is missing."""
    if path or type == "uri_file":
        key, size = there.file(path)
        name = key.rpartition("/")[2]
        return Table(_known(name), (Entry(path, False, size),))
    with reaching(there.path):
        files = list(islice(there.files.walk(there.key), MOST_COUNTED))
        if type == "mltable" and any(entry.path == MLTABLE for entry in files):
            return _mltable(there.files.read(safe_key(there.key, MLTABLE), 0, _LONGEST_MLTABLE), files)
    counted = Counter(found for entry in files if (found := format_of(entry.path)))
    if not counted:
        raise Invalid(f"path: no file of this folder is a table; those end in {', '.join(FORMATS)}.", target="path")
    format = counted.most_common(1)[0][0]
    return Table(format, tuple(entry for entry in files if format_of(entry.path) == format))


def _known(name: str) -> str:
    format = format_of(name)
    if format is None:
        raise Invalid(f"path: {name!r} is no table; those end in {', '.join(FORMATS)}.", target="path")
    return format


def _mltable(chunks: Iterable[bytes], files: list[Entry]) -> Table:
    document = read_document(b"".join(chunks).decode(errors="replace"), MLTABLE)
    said = document.value if isinstance(document.value, dict) else {}
    chosen = _chosen(said.get("paths") or [], files)
    table = _Transformed()
    for step in said.get("transformations") or []:
        name, options = (step, {}) if isinstance(step, str) else next(iter(step.items()), ("", {}))
        table.apply(str(name), options)
    format = table.format or _known(chosen[0].path)
    return Table(format, tuple(chosen), table.options, tuple(table.notes))


def _chosen(paths: list, files: list[Entry]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for path in paths:
        kind, text = next(iter(path.items()), ("", "")) if isinstance(path, dict) else ("", "")
        if kind not in ("file", "folder", "pattern"):
            raise Invalid(f"{MLTABLE}: paths: {path!r} is no file, folder or pattern.", target="path")
        text = str(text)
        if "://" in text:
            raise Invalid(
                f"{MLTABLE}: paths: {text!r} lies elsewhere; what lies beside the file is read.", target="path"
            )
        wanted = _pattern(text.removeprefix("./").strip("/"), kind)
        found |= {entry.path: entry for entry in files if entry.path != MLTABLE and wanted.fullmatch(entry.path)}
    if not found:
        raise Invalid(f"{MLTABLE}: paths: there is no file that they name.", target="path")
    return list(found.values())


_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _pattern(text: str, kind: str) -> re.Pattern:
    if kind == "file":
        return re.compile(re.escape(text))
    if kind == "folder":
        return re.compile(re.escape(text) + "/.*" if text not in ("", ".") else ".*")
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    return re.compile("".join(_WILD.get(part, re.escape(part)) for part in parts))


@dataclass
class _Transformed:
    format: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def apply(self, name: str, options: Any) -> None:
        given = options if isinstance(options, dict) else {}
        match name:
            case "read_delimited":
                self._delimited(given)
            case "read_parquet":
                self.format = "parquet"
            case "read_json_lines":
                self.format = "jsonl"
                self._encoding(given)
            case "keep_columns" | "drop_columns":
                names = options if isinstance(options, list) else [options]
                self.options[name.partition("_")[0]] = [str(one) for one in names]
            case "take" if isinstance(options, int):
                self.options["take"] = options
            case _:
                self.notes.append(f"The step {name} of the {MLTABLE} file is not applied: the columns are as stored.")

    def _delimited(self, given: dict) -> None:
        self.format = "csv"
        if delimiter := given.get("delimiter"):
            self.options["delimiter"] = "\t" if delimiter == "\\t" else str(delimiter)
        if header := given.get("header"):
            self.options["header"] = header not in ("no_header", False)
        self._encoding(given)

    def _encoding(self, given: dict) -> None:
        if encoding := _ENCODINGS.get(str(given.get("encoding", "")).lower()):
            self.options["encoding"] = encoding
