"""Reads bundles, and believes nothing that they say before it is checked. Format: docs/bundles.md."""

import hashlib
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from app.sdk.errors import BadFile

FORMAT, VERSION = "atelier-bundle", 1
HEADER, SUMS = "bundle.json", "sha256sums.txt"
CHUNK = 1 << 20
LONGEST_LINE = 256 << 20
LARGEST_SUMS = 1 << 30

# What is done, how much of it, and of how much when that is known.
Progress = Callable[[str, int, int | None], None]


class Bundle:
    """A bundle on this disk; raises BadFile for what is none.

    Members are stored and not packed, so that none can be larger than the file that it came in.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._zip = ZipFile(file)
        except OSError as error:
            raise BadFile(f"{file} cannot be read: {error.strerror or error}.") from error
        except (BadZipFile, ValueError, NotImplementedError) as error:
            raise BadFile(f"{file} is no bundle, or not whole: {error}.") from error
        self._members = self._checked(self._zip.infolist())
        self._folders = self._by_folder()

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _bad(self, why: str) -> BadFile:
        return BadFile(f"{self.file}: {why}. Nothing was imported.")

    def _checked(self, infos: list[ZipInfo]) -> dict[str, ZipInfo]:
        found: dict[str, ZipInfo] = {}
        for info in infos:
            name = info.filename
            if name in found:
                raise self._bad(f"the member {name!r} is there twice")
            if not is_safe(name) or info.orig_filename != name:
                raise self._bad(f"the member {name!r} has no name of a file in a bundle")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG) or info.flag_bits & 1:
                raise self._bad(f"the member {name!r} is no plain file")
            if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
                raise self._bad(f"the member {name!r} is packed; members of a bundle are stored as they are")
            found[name] = info
        if sum(info.file_size for info in infos) > self.file.stat().st_size:
            raise self._bad("its members are larger than the file itself")
        return found

    def _by_folder(self) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = {}
        for name in self._members:
            parts = name.split("/")
            depth = 3 if parts[0] == "model-versions" else 2
            if len(parts) > depth:
                folders.setdefault("/".join(parts[:depth]), []).append("/".join(parts[depth:]))
        return folders

    def verify(self, progress: Progress = lambda step, done, of: None) -> None:
        """Raises BadFile unless the bundle is whole, of a version that is known, and as its checksums say."""
        self._check_header()
        self.sums = self._sums()
        unlike = self.sums.keys() ^ (self._members.keys() - {SUMS})
        if unlike:
            raise self._bad(f"{min(unlike)!r} is not both in it and in its list of checksums")
        done, total = 0, sum(info.file_size for info in self._members.values())
        for name, expected in self.sums.items():
            found = hashlib.sha256()
            for piece in self.read(name):
                found.update(piece)
                done += len(piece)
                progress("bytes checked", done, total)
            if found.hexdigest() != expected:
                raise self._bad(f"{name!r} is not as its checksum says; the bundle was changed or damaged")

    def _check_header(self) -> None:
        if HEADER not in self._members or SUMS not in self._members:
            raise self._bad(f"it is no bundle: it has no {HEADER} and {SUMS}")
        header = next(self.lines(HEADER), {})
        if header.get("format") != FORMAT:
            raise self._bad(f"it is no bundle: its {HEADER} does not say {FORMAT}")
        if header.get("version") != VERSION:
            raise self._bad(f"it is a bundle of version {header.get('version')}; this command reads version {VERSION}")

    def _sums(self) -> dict[str, str]:
        """In the form of the command sha256sum."""
        if self._members[SUMS].file_size > LARGEST_SUMS:
            raise self._bad(f"{SUMS} is too large")
        sums: dict[str, str] = {}
        for line in b"".join(self.read(SUMS)).decode(errors="replace").splitlines():
            digest, _, name = line.partition("  ")
            if not name or name in sums:
                raise self._bad(f"{SUMS} has a line that cannot be read")
            sums[name] = digest
        return sums

    def size(self, name: str) -> int:
        return self._members[name].file_size

    def files(self, folder: str) -> list[str]:
        """Paths of the files below a folder such as `runs/RUN`, relative to it."""
        return sorted(self._folders.get(folder, ()))

    def read(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(self._members[name]) as file:
                yield from iter(lambda: file.read(CHUNK), b"")
        except (BadZipFile, NotImplementedError, EOFError) as error:
            raise self._bad(f"{name!r} cannot be read: {error}") from error

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The records of a member; none where there is no such member."""
        if name not in self._members:
            return
        try:
            with self._zip.open(self._members[name]) as file:
                for line in iter(lambda: file.readline(LONGEST_LINE), b""):
                    yield self._record(name, line)
        except (BadZipFile, NotImplementedError, EOFError) as error:
            raise self._bad(f"{name!r} cannot be read: {error}") from error

    def _record(self, name: str, line: bytes) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._bad(f"{name!r} has a line that is no JSON") from error
        if not isinstance(record, dict):
            raise self._bad(f"{name!r} has a line that is no object")
        return record


def is_safe(name: str) -> bool:
    """Whether a name leads to a file below the folder that it is read in, on every system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and "/".join(parts) == name and ".." not in parts and not set(name) & set("\\\x00\n\r")
