"""Reads protobuf's wire format by a description of the messages, into plain dicts.

Source of the format: https://protobuf.dev/programming-guides/encoding/
"""

import base64
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.errors import Invalid

_VARINT, _EIGHT_BYTES, _PREFIXED, _FOUR_BYTES = 0, 1, 2, 5
DEEPEST = 100


@dataclass(frozen=True)
class Field:
    """`read` turns the raw value into ours; `message` names the message of a nested one instead."""

    name: str
    read: Callable[[Any], Any] = lambda raw: raw
    message: str = ""
    repeated: bool = False


Messages = dict[str, dict[int, Field]]


def text(raw: bytes) -> str:
    return bytes(raw).decode("utf-8", "replace")


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def hexadecimal(raw: bytes) -> str:
    return bytes(raw).hex()


def signed(raw: int) -> int:
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def double(raw: int) -> float:
    return struct.unpack("<d", raw.to_bytes(8, "little"))[0]


def decode(data: bytes, messages: Messages, message: str) -> dict[str, Any]:
    """The fields of a message that are there and known; raises Invalid for bytes that are no such message."""
    try:
        return _decode(memoryview(data), messages, message, 0)
    except (IndexError, AttributeError, TypeError, struct.error) as error:
        raise Invalid(f"The body is no protobuf message {message}.", target="body") from error


def _decode(data: memoryview, messages: Messages, message: str, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise Invalid(f"The body nests values deeper than {DEEPEST} levels.", target="body")
    found: dict[str, Any] = {}
    fields = messages[message]
    for number, raw in _raw_fields(data):
        field = fields.get(number)
        if field is None:
            continue
        value = _decode(raw, messages, field.message, depth + 1) if field.message else field.read(raw)
        if field.repeated:
            found.setdefault(field.name, []).append(value)
        else:
            found[field.name] = value
    return found


def _raw_fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
            value, at = int.from_bytes(_take(data, at, size), "little"), at + size
        elif kind == _PREFIXED:
            size, at = _varint(data, at)
            value, at = _take(data, at, size), at + size
        else:
            raise Invalid(f"The body is no protobuf message: it has a field of the unknown kind {kind}.", target="body")
        yield number, value


def _take(data: memoryview, at: int, size: int) -> memoryview:
    if at + size > len(data):
        raise Invalid("The body is no whole protobuf message: it ends within a field.", target="body")
    return data[at : at + size]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
        shift += 7
        if shift > 63:
            raise Invalid("The body is no protobuf message: it holds a number of more than 64 bits.", target="body")
