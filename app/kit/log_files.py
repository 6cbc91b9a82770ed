"""Reads a stored log by byte offset, so that whoever follows it goes on where they were."""

from dataclasses import dataclass

from app.kit.storage import store

MOST = 4 << 20


@dataclass(frozen=True)
class Piece:
    """Text of a log, the offset after it, and whether nothing will follow."""

    text: str
    offset: int
    is_final: bool


def read(key: str, offset: int, *, ended: bool) -> Piece:
    """What was logged from `offset` on, at most 4 MiB. A negative offset counts from the end.

    A piece ends where a character ends, so that two pieces never split one. `ended` must have been known before:
    what was logged until then is all there.
    """
    size = store().size(key) or 0
    start = max(0, size + offset) if offset < 0 else min(offset, size)
    end = min(size, start + MOST)
    data = b"".join(store().read(key, start, end)) if end > start else b""
    data = data[: len(data) - _unfinished(data)] if not (ended and end == size) else data
    after = start + len(data)
    return Piece(data.decode(errors="replace"), after, ended and after >= size)


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not complete."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0
