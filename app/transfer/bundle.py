"""Writes a bundle: a ZIP of stored members that is the same byte for byte wherever it is written.

Format: docs/bundles.md, and https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT for ZIP.
"""

import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

FORMAT, VERSION = "atelier-bundle", 1
HEADER, SUMS = "bundle.json", "sha256sums.txt"
_AT_ONCE = 256 << 10
_SUMS_IN_MEMORY = 4 << 20


class _Outgoing(io.RawIOBase):
    """Takes what is written and hands it on; it cannot be sought, so that what left needs no change."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.held = 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.pieces.append(bytes(data))
        self.held += len(self.pieces[-1])
        return len(self.pieces[-1])

    def take(self, least: int = 0) -> Iterator[bytes]:
        if self.held > least:
            yield b"".join(self.pieces)
            self.pieces, self.held = [], 0


class BundleWriter:
    """Members are written one after the other and leave as they are made; `end` adds the digests of all."""

    def __init__(self) -> None:
        self._out = _Outgoing()
        self._zip = ZipFile(self._out, "w", ZIP_STORED)
        self._sums = tempfile.SpooledTemporaryFile(max_size=_SUMS_IN_MEMORY)  # noqa: SIM115

    def header(self) -> Iterator[bytes]:
        return self.member(HEADER, [line({"format": FORMAT, "version": VERSION})])

    def member(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        found = hashlib.sha256()
        # Without its own time, so that the same content is the same file.
        info = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.create_system, info.external_attr = 3, 0o100644 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            for piece in pieces:
                found.update(piece)
                file.write(piece)
                yield from self._out.take(_AT_ONCE)
        if name != SUMS:
            self._sums.write(f"{found.hexdigest()}  {name}\n".encode())
        yield from self._out.take(_AT_ONCE)

    def end(self) -> Iterator[bytes]:
        with self._sums as sums:
            sums.seek(0)
            yield from self.member(SUMS, iter(lambda: sums.read(_AT_ONCE), b""))
        self._zip.close()
        yield from self._out.take()


def line(record: dict[str, Any]) -> bytes:
    """A record as one line of JSON that does not depend on the order in which it was made."""
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{text}\n".encode()
