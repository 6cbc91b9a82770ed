"""Takes in files and folders, packed as a gzipped tar, and stores them under the digest of their content."""

import hashlib
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from app.assets.addresses import stored_address
from app.data import unreferenced
from app.errors import Invalid, TooLarge
from app.kit.storage import safe_key, store
from app.kit.storage.store import CHUNK

MOST_FILES = 200_000


def unpack(workspace_id: int, archive: IO[bytes], limit_bytes: int) -> str:
    """Store what an archive holds; returns its `azureml://datastores/…` address.

    The archive holds one file, or one folder; the address ends in its name. Links, devices and names
    that lead outside are refused, and so is what unpacks to more than `limit_bytes`.
    """
    with tempfile.TemporaryDirectory(prefix="atelier-upload-") as folder:
        names = _extract(archive, Path(folder), limit_bytes)
        tops = {name.split("/")[0] for name in names}
        if len(tops) != 1:
            raise Invalid(f"The archive must hold one file or one folder, not {len(tops)}.", target="body")
        top = tops.pop()
        digest = _digest(Path(folder), names)
        path = f"uploads/{digest}/{top}"
        key = f"workspaces/{workspace_id}/{path}"
        unreferenced.keep(workspace_id, f"uploads/{digest}")
        if store().size(key) is None and not store().list(key):
            store().upload(key, Path(folder, top))
    return stored_address(path)


def _extract(archive: IO[bytes], folder: Path, limit_bytes: int) -> list[str]:
    names, total = [], 0
    try:
        with tarfile.open(fileobj=archive, mode="r|gz") as packed:
            for member in packed:
                if member.isdir():
                    continue
                name = safe_key(member.name)
                if not member.isreg() or not name:
                    raise Invalid(
                        f"The archive may hold files and folders only; {member.name!r} is neither.", target="body"
                    )
                total += member.size
                if total > limit_bytes or len(names) >= MOST_FILES:
                    raise TooLarge(
                        f"The archive unpacks to more than {limit_bytes:,} bytes or {MOST_FILES:,} files.",
                        target="body",
                    )
                _write(packed.extractfile(member), folder / name)
                names.append(name)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Invalid(f"The body is no gzipped tar archive: {error}", target="body") from error
    if not names:
        raise Invalid("The archive holds no file.", target="body")
    return sorted(names)


def _write(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            file.write(chunk)


def _digest(folder: Path, names: list[str]) -> str:
    found = hashlib.sha256()
    for name in names:
        found.update(name.encode() + b"\0")
        for chunk in _chunks(folder / name):
            found.update(chunk)
        found.update(b"\0")
    return found.hexdigest()[:32]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK), b"")


def store_file(workspace_id: int, name: str, file: IO[bytes], limit_bytes: int) -> str:
    """Store one file that a browser sent; returns its address."""
    name = safe_key(Path(name.replace("\\", "/")).name)
    if not name:
        raise Invalid("The file has no name.", target="file")
    found, size = hashlib.sha256(name.encode()), 0
    for chunk in iter(lambda: file.read(CHUNK), b""):
        found.update(chunk)
        size += len(chunk)
        if size > limit_bytes:
            raise TooLarge(f"The file is larger than {limit_bytes:,} bytes.", target="file")
    digest = found.hexdigest()[:32]
    path = f"uploads/{digest}/{name}"
    unreferenced.keep(workspace_id, f"uploads/{digest}")
    file.seek(0)
    store().write(f"workspaces/{workspace_id}/{path}", iter(lambda: file.read(CHUNK), b""))
    return stored_address(path)
