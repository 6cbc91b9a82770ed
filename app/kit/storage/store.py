"""Files by key: what can be read, what can be written, and what an artifact store can do beside."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import NotFound
from app.kit.storage.keys import safe_key

CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A file or folder; `path` is relative to the listed key, `size` in bytes (0 for a folder)."""

    path: str
    is_folder: bool
    size: int


class Files(ABC):
    """Files by key that can be read. A missing key raises `app.errors.NotFound`."""

    @abstractmethod
    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to and without `end`, in chunks."""

    @abstractmethod
    def size(self, key: str) -> int | None:
        """Bytes of a file, or None when there is none."""

    @abstractmethod
    def list(self, key: str) -> list[Entry]:
        """What lies directly under a key, folders first, by name; empty when nothing does."""

    @abstractmethod
    def walk(self, key: str) -> Iterator[Entry]:
        """Every file below a key."""

    def local_path(self, key: str) -> Path | None:
        """Where a file or folder lies on this machine's disk, where it does."""
        return None

    def read_bytes(self, key: str) -> bytes:
        return b"".join(self.read(key))

    def download(self, key: str, target: Path) -> None:
        """Write a stored file, or every file below a key, to `target` on the local disk."""
        if self.size(key) is not None:
            self._fetch(key, target)
            return
        target.mkdir(parents=True, exist_ok=True)
        for entry in self.walk(key):
            self._fetch(f"{key}/{entry.path}", target / safe_key(entry.path))

    def _fetch(self, key: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in self.read(key):
                file.write(chunk)

    def total_size(self, key: str) -> tuple[int, int]:
        """Number of files and of bytes at or below a key."""
        size = self.size(key)
        if size is not None:
            return 1, size
        sizes = [entry.size for entry in self.walk(key)]
        return len(sizes), sum(sizes)


class WritableFiles(Files):
    @abstractmethod
    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store a file in whole or not at all; returns its size in bytes."""

    def write_bytes(self, key: str, data: bytes) -> int:
        return self.write(key, [data])

    def upload(self, key: str, source: Path) -> int:
        """Store a file, or every file of a folder (links that leave it are left out); bytes stored."""
        if source.is_file():
            with source.open("rb") as file:
                return self.write(key, iter(lambda: file.read(CHUNK), b""))
        inside = source.resolve()
        files = (path for path in sorted(source.rglob("*")) if path.is_file())
        return sum(
            self.upload(f"{key}/{path.relative_to(source).as_posix()}", path)
            for path in files
            if path.resolve().is_relative_to(inside)
        )


class Storage(WritableFiles):
    """All that an artifact store can do."""

    @abstractmethod
    def append(self, key: str, data: bytes) -> None:
        """Add to the end of a file, which need not exist. One writer a key at a time."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a file, or everything below a key."""

    @abstractmethod
    def copy_file(self, source: str, target: str) -> None:
        """Give a stored file a second key, without moving its bytes where the store can."""

    def link(self, key: str, method: str, seconds: int) -> str | None:
        """An address at which the store itself answers GET or PUT of a file for so long, None where it has none."""
        return None

    def copy(self, source: str, target: str) -> None:
        """Copy a file, or every file below a key; raises NotFound when there is neither."""
        if self.size(source) is not None:
            self.copy_file(source, target)
            return
        found = False
        for entry in self.walk(source):
            found = True
            self.copy_file(f"{source}/{entry.path}", f"{target}/{entry.path}")
        if not found:
            raise NotFound(f"There is nothing at {source!r}.", target="path")
