"""Which compiled models are at work, noted where the process that comes after a crash finds it."""

import hashlib
import mmap
import os
from pathlib import Path

SLOTS = 1024
DIGEST_BYTES = 31
SLOT_BYTES = 1 + DIGEST_BYTES


class Mark:
    """Of one model. To set and to clear it is to write one byte of memory, which the kernel keeps."""

    def __init__(self, memory: mmap.mmap, place: int) -> None:
        self._memory, self._place = memory, place

    def set(self) -> None:
        self._memory[self._place] = 1

    def clear(self) -> None:
        self._memory[self._place] = 0


class Marks:
    """A file of one process at a time; `fatal` are digests of what the one before was at when it ended."""

    def __init__(self, file: Path | None = None) -> None:
        """Without a file nothing outlives this process. Raises OSError."""
        size = SLOTS * SLOT_BYTES
        if file is None:
            self._memory = mmap.mmap(-1, size)
        else:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.ftruncate(handle, size)
                self._memory = mmap.mmap(handle, size)
            finally:
                os.close(handle)
        slots = [self._memory[place : place + SLOT_BYTES] for place in range(0, size, SLOT_BYTES)]
        self.fatal = {slot[1:] for slot in slots if slot[0]}
        self._memory[:] = bytes(size)
        self._places: dict[str, int] = {}
        self._free = list(range(0, size, SLOT_BYTES))

    def of(self, key: str) -> Mark:
        """The mark of a model. Raises MemoryError where there are too many."""
        if key not in self._places:
            if not self._free:
                raise MemoryError(f"more than {SLOTS} compiled models")
            place = self._places[key] = self._free.pop()
            self._memory[place : place + SLOT_BYTES] = b"\0" + _digest(key)
        return Mark(self._memory, self._places[key])

    def drop(self, key: str) -> None:
        place = self._places.pop(key, None)
        if place is not None:
            self._memory[place] = 0
            self._free.append(place)

    def is_fatal(self, key: str) -> bool:
        return _digest(key) in self.fatal


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:DIGEST_BYTES]
