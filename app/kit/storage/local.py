"""The artifact store on a local or shared disk."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.errors import Conflict, NotFound
from app.kit.storage.keys import safe_key
from app.kit.storage.store import CHUNK, Entry, Storage


class LocalStorage(Storage):
    def __init__(self, root: str) -> None:
        self.root = Path(root).expanduser().resolve()
        self.incoming = self.root / ".incoming"

    def _path(self, key: str) -> Path:
        return self.root / safe_key(key)

    def _prepare(self, key: str) -> Path:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise Conflict(f"A part of {key!r} is a file already.", target="path") from error
        if path.is_dir():
            raise Conflict(f"{key!r} is a folder.", target="path")
        return path

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        path = self._prepare(key)
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=self.incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                size = file.tell()
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return size

    def append(self, key: str, data: bytes) -> None:
        with self._prepare(key).open("ab") as file:
            file.write(data)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        try:
            file = self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound(f"There is no file {key!r}.", target="path") from error
        return _chunks(file, start, end)

    def size(self, key: str) -> int | None:
        path = self._path(key)
        return path.stat().st_size if path.is_file() else None

    def list(self, key: str) -> list[Entry]:
        path = self._path(key)
        if not path.is_dir():
            return []
        entries = [
            Entry(found.name, found.is_dir(), 0 if found.is_dir() else found.stat().st_size)
            for found in os.scandir(path)
            if self._holds(found)
        ]
        return sorted(entries, key=lambda entry: (not entry.is_folder, entry.path))

    def walk(self, key: str) -> Iterator[Entry]:
        base = self._path(key)
        for folder, folders, files in os.walk(base):
            folders.sort()
            for name in sorted(files):
                path = Path(folder, name)
                if not self._holds(path):
                    continue
                yield Entry(path.relative_to(base).as_posix(), False, path.stat().st_size)

    def _holds(self, path: os.PathLike[str]) -> bool:
        """Whether a file or folder below the root is one of the store's."""
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def copy_file(self, source: str, target: str) -> None:
        # A stored file is replaced as a whole and never changed in place, so two keys can share its bytes.
        path = self._prepare(target)
        path.unlink(missing_ok=True)
        try:
            os.link(self._path(source), path)
        except FileNotFoundError as error:
            raise NotFound(f"There is no file {source!r}.", target="path") from error
        except OSError:
            self.write(target, self.read(source))

    def local_path(self, key: str) -> Path | None:
        path = self._path(key)
        return path if path.exists() else None


class SharedFolder(LocalStorage):
    """A folder that others write to as well: a link in it that leads elsewhere is as if it were not there."""

    def _path(self, key: str) -> Path:
        path = super()._path(key)
        if not path.resolve().is_relative_to(self.root):
            raise NotFound(f"There is no file {key!r}.", target="path")
        return path

    def _holds(self, path: os.PathLike[str]) -> bool:
        there = Path(path)
        return there.resolve().is_relative_to(self.root) and there.exists()


def _chunks(file, start: int, end: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = end - start if end is not None else None
        while left is None or left > 0:
            chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            if left is not None:
                left -= len(chunk)
            yield chunk
