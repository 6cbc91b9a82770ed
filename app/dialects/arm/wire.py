"""The words of Azure's wire, as a file of CLI v2 has them, and back."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import Invalid

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_LENGTHS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
# Names that are several words run together on the wire, or not what their words would be.
_SNAKE = {"MLTable": "mltable", "TensorFlow": "tensorflow", "PyTorch": "pytorch", "AMLToken": "aml_token"}
_SNAKE |= {"VSCode": "vs_code", "SSH": "ssh"}
_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAMEL_VALUES = {text: word for word, text in _SNAKE.items()}


def snake(word: str) -> str:
    """`processCountPerInstance` and `UserIdentity` as `process_count_per_instance` and `user_identity`."""
    return _SNAKE.get(word) or _BOUNDARY.sub("_", word).lower()


def camel(word: str) -> str:
    """`instance_count` as `instanceCount`."""
    first, *others = word.split("_")
    return first + "".join(part.capitalize() for part in others)


def pascal(word: str) -> str:
    """`user_identity` as `UserIdentity`."""
    return _CAMEL_VALUES.get(word) or "".join(part.capitalize() for part in word.split("_"))


def fields(value: Mapping[str, Any], *, without: Iterable[str] = ()) -> dict[str, Any]:
    """The fields that say something, under the names of a file."""
    return {snake(name): item for name, item in value.items() if item is not None and name not in without}


def wire(value: Mapping[str, Any], *, without: Iterable[str] = ()) -> dict[str, Any]:
    """The fields that say something, under the names of the wire."""
    return {camel(name): item for name, item in value.items() if item is not None and name not in without}


def said(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document without what it leaves open."""
    return {name: value for name, value in document.items() if value not in (None, {})}


def mapping(value: Mapping[str, Any], name: str, path: str = "properties") -> dict[str, Any]:
    """A field that is an object, empty where it is not given; raises Invalid for anything else."""
    found = value.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Invalid(f"{path}.{name}: must be an object, not {type(found).__name__}.", target=f"{path}.{name}")
    return found


def seconds(text: Any, field: str) -> int | float | None:
    """An ISO 8601 duration, or a number of seconds; raises Invalid that names the field."""
    if text is None or (isinstance(text, int | float) and not isinstance(text, bool)):
        return text
    found = _DURATION.fullmatch(str(text))
    if found is None or not any(found.groupdict().values()):
        raise Invalid(f"{field}: {text!r} is no duration such as PT30M or P1DT12H.", target=field)
    total = sum(float(part) * _LENGTHS[name] for name, part in found.groupdict().items() if part)
    return int(total) if total.is_integer() else total


def duration(length: float | None) -> str | None:
    """Seconds as an ISO 8601 duration."""
    if length is None:
        return None
    return f"PT{length:g}S" if length < 1e6 else f"PT{int(length)}S"
