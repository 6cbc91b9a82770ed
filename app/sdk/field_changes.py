"""Changes to the fields of a file, as `--set`, `--add`, `--remove` and `--tags` of the Azure CLI make them."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from app.sdk.errors import BadFile

_PART = re.compile(r"\[\d+\]|[^.\[\]]+")
_PLACE = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[\d+\])*")


class Text(str):
    """A change whose value stays text, however it looks."""


class Tag(str):
    """`KEY=VALUE`, in which the key may hold dots."""


class Removal(str):
    """The place of a field, or of an item of a list as in `rules[0]`, that is taken out."""


class Addition(str):
    """`PLACE=VALUE`, where the value is put at the end of a list."""


def change(definition: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """Apply `inputs.epochs=5` or `rules[0].port=80`, as `--set` of the Azure CLI does; values are read as YAML.

    Raises BadFile for one that cannot be read or has no place in the definition.
    """
    for text in changes:
        if isinstance(text, Removal):
            _remove(definition, text)
        elif isinstance(text, Tag):
            _tag(definition, text)
        else:
            _set(definition, text)
    return definition


def field_of(text: str) -> str:
    """The field of the definition that a change is in."""
    return "tags" if isinstance(text, Tag) else _PART.match(text.partition("=")[0] or text)[0]


def _flag(text: str) -> str:
    return f"--add {text.replace('=', ' ', 1)}" if isinstance(text, Addition) else f"--set {text}"


def _set(definition: dict[str, Any], text: str) -> None:
    name, is_set, value = text.partition("=")
    if not is_set or not _PLACE.fullmatch(name):
        raise BadFile(f"{_flag(text)}: write it as field=value, such as inputs.epochs=5.")
    try:
        read = value if isinstance(text, Text) else yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise BadFile(f"{_flag(text)}: the value is not YAML; put it in quotes.") from error
    *above, last = _parts(name)
    place: Any = definition
    for part in above:
        place = _inside(place, part, _flag(text))
    if isinstance(text, Addition):
        _append(place, last, read, _flag(text))
        return
    _inside(place, last, _flag(text))
    place[last] = read


def _append(place: Any, last: str | int, value: Any, flag: str) -> None:
    held = place.get(last) if isinstance(place, dict) else _inside(place, last, flag)
    if held is not None and not isinstance(held, list):
        raise BadFile(f"{flag}: {last} is no list; change it by --set.")
    place[last] = [*(held or []), value]


def _remove(definition: dict[str, Any], text: str) -> None:
    flag = f"--remove {text}"
    if not _PLACE.fullmatch(text):
        raise BadFile(f"{flag}: write it as the name of a field, such as tags.team, or of a list and a number.")
    *above, last = _parts(text)
    place: Any = definition
    for part in above:
        place = _inside(place, part, flag)
    if isinstance(place, dict) and last not in place:
        raise BadFile(f"{flag}: there is no {last} to remove{_known(place)}.")
    _inside(place, last, flag)
    del place[last]


def _known(place: dict[str, Any]) -> str:
    return f"; there is {', '.join(map(str, place))}" if place else ""


def _tag(definition: dict[str, Any], text: str) -> None:
    key, is_set, value = text.partition("=")
    if not key or not is_set:
        raise BadFile(f"--tags {text}: write it as KEY=VALUE, such as team=vision.")
    definition["tags"] = {**(definition.get("tags") or {}), key: value}


def _parts(name: str) -> list[str | int]:
    return [int(part[1:-1]) if part[0] == "[" else part for part in _PART.findall(name)]


def _inside(place: Any, part: str | int, flag: str) -> Any:
    """What a mapping or list holds there; a field that a mapping lacks is made."""
    if isinstance(part, int) and isinstance(place, list):
        if part >= len(place):
            raise BadFile(f"{flag}: there is no [{part}] in a list of {len(place)}; they are counted from 0.")
        return place[part]
    if isinstance(part, int) or not isinstance(place, dict):
        holds = {list: "a list, whose items are [0], [1], …", dict: "a mapping"}.get(type(place), "a plain value")
        raise BadFile(f"{flag}: what stands before `{part}` is {holds}, so nothing can be set in it.")
    return place.setdefault(part, {})
