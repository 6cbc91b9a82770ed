"""Takes in the code of a job as a browser sends it: a folder's files, or one archive."""

import gzip
import io
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from app.data import uploads
from app.errors import Invalid, TooLarge
from app.kit.storage import safe_key

IN_MEMORY = 8 << 20
ROOT = "code"
ARCHIVES = (".zip", ".tar.gz", ".tgz")
_JUNK = ("__pycache__", ".git", ".ipynb_checkpoints", ".DS_Store", "__MACOSX")

_UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError,
)  # fmt: skip

Files = list[tuple[str, IO[bytes]]]


def store_folder(workspace_id: int, folder: Path) -> str:
    """Store a folder of this machine as an upload would; returns its address."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sized = ((path.relative_to(folder).as_posix(), path.stat().st_size, path.open("rb")) for path in paths)
    return _store(workspace_id, sized, sum(path.stat().st_size for path in paths))


def store_files(workspace_id: int, files: Files, limit_bytes: int) -> str:
    """Store a job's code; returns its address.

    `files` are names, with their folders where the browser tells them, and open files; or a single
    .zip, .tar.gz or .tgz. A single top folder is taken to be the code folder itself.
    """
    name, file = files[0]
    if len(files) > 1 or not name.lower().endswith(ARCHIVES):
        members = ((name, _size(file), file) for name, file in files)
        return _store(workspace_id, _below_top(members, [name for name, _ in files]), limit_bytes)
    is_zip = name.lower().endswith(".zip")
    try:
        members = _from_zip(file) if is_zip else _from_tar(file)
        return _store(workspace_id, _below_top(members, _names_of(file, is_zip)), limit_bytes)
    except _UNREADABLE as error:
        raise Invalid(f"code: {name} is no archive that can be read: {error}", target="code") from error


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _names_of(file: IO[bytes], is_zip: bool) -> list[str]:
    if is_zip:
        with zipfile.ZipFile(file) as packed:
            names = [info.filename for info in packed.infolist() if not info.is_dir()]
    else:
        with tarfile.open(fileobj=file, mode="r:gz") as packed:
            names = [member.name for member in packed if member.isreg()]
    file.seek(0)
    return names


def _from_zip(file: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            if info.flag_bits & 0x1:
                raise Invalid(f"code: {info.filename} is encrypted; pack the folder without a password.", target="code")
            if not info.is_dir():
                yield info.filename, info.file_size, packed.open(info)


def _from_tar(file: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    with tarfile.open(fileobj=file, mode="r:gz") as packed:
        for member in packed:
            if member.isreg():
                yield member.name, member.size, packed.extractfile(member)


def _below_top(members: Iterable[tuple[str, int, IO[bytes]]], names: list[str]) -> Iterator[tuple[str, int, IO[bytes]]]:
    kept = [safe_key(name) for name in names if not _is_junk(name)]
    tops = {name.partition("/")[0] for name in kept}
    folder = f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in kept) else ""
    for name, size, file in members:
        if not _is_junk(name):
            yield safe_key(name).removeprefix(folder), size, file


def _is_junk(name: str) -> bool:
    return any(part in _JUNK for part in name.split("/"))


def _store(workspace_id: int, members: Iterable[tuple[str, int, IO[bytes]]], limit_bytes: int) -> str:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as archive:
        total = 0
        with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as packed:
            for name, size, file in members:
                total += size
                if total > limit_bytes:
                    raise TooLarge(f"code: the code is larger than {limit_bytes:,} bytes.", target="code")
                member = tarfile.TarInfo(f"{ROOT}/{name}")
                member.size = size
                with file:
                    packed.addfile(member, file)
        archive.seek(0)
        return uploads.unpack(workspace_id, archive, limit_bytes)
