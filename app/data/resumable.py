"""Uploads in pieces that go on where they stopped, after a lost connection or on another day.

An upload is known by who sends it, how long it is and its digest, so that whoever begins the same again finds what
has come. Its pieces are files of the store, named by their offset, and nothing else is kept.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import IO

from app.errors import Conflict, Invalid, NotFound, TooLarge
from app.kit.clock import now
from app.kit.storage import safe_key, store

ROOT = "resumable"
KEPT_DAYS = 3
"""An upload to which nothing was added for so long is forgotten."""

BLOCK = 8 << 20
_ID = re.compile(r"(\d+)-(b?)([0-9a-f]{64})-([0-9a-f]{16})")


def begin(user: str, length: int, digest: str, *, of_blocks: bool = False) -> str:
    """The id of an upload of `length` bytes with a SHA-256 in hexadecimal; raises Invalid.

    The digest is that of the whole, or with `of_blocks` of the SHA-256 of each of its blocks of 8 MiB, one after the
    other, which a browser can make of a file that its memory does not hold.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise Invalid(
            "Upload-Metadata: `sha256` or `blocks` must be there, as 64 hexadecimal digits.", target="Upload-Metadata"
        )
    if length < 1:
        raise Invalid("Upload-Length: it must be a whole number of bytes, from 1.", target="Upload-Length")
    return f"{length}-{'b' if of_blocks else ''}{digest}-{_mark(user, digest)}"


def _mark(user: str, digest: str) -> str:
    return hashlib.sha256(f"{user}\0{digest}".encode()).hexdigest()[:16]


def check(user: str, upload: str) -> int:
    """The length of a user's own upload; raises NotFound for any other."""
    found = _ID.fullmatch(upload)
    if found is None or _mark(user, found[3]) != found[4]:
        raise NotFound(f"You have no upload {upload!r}.", target="upload")
    return int(found[1])


def _folders(workspace_id: int, upload: str) -> list[str]:
    """Where its pieces may lie, by the day on which they came."""
    today = now().date()
    days = [today - timedelta(days=back) for back in range(KEPT_DAYS)]
    return [f"{ROOT}/{day.isoformat()}/{workspace_id}/{upload}" for day in days]


def _pieces(workspace_id: int, upload: str) -> tuple[list[str], int]:
    """The keys of the pieces that follow one another from the start, and the bytes in them."""
    found = {}
    for folder in _folders(workspace_id, upload):
        for entry in store().list(folder):
            found.setdefault(int(entry.path), (f"{folder}/{entry.path}", entry.size))
    keys, end = [], 0
    while end in found:
        key, size = found[end]
        keys.append(key)
        end += size
    return keys, end


def offset(workspace_id: int, upload: str) -> int:
    return _pieces(workspace_id, upload)[1]


def add(workspace_id: int, upload: str, length: int, start: int, chunks: Iterable[bytes]) -> int:
    """Keep a piece; the bytes that are there then. Raises Conflict where the next piece begins elsewhere."""
    there = offset(workspace_id, upload)
    if start != there:
        raise Conflict(f"Upload-Offset: the next piece begins at {there}, not at {start}.", target="Upload-Offset")
    key = f"{_folders(workspace_id, upload)[0]}/{safe_key(str(start))}"
    size = store().write(key, chunks)
    if not size or start + size > length:
        store().delete(key)
    if start + size > length:
        raise TooLarge(f"The upload was said to have {length} bytes; this piece ends at {start + size}.", target="body")
    return start + size


def gather(workspace_id: int, upload: str, length: int, archive: IO[bytes]) -> None:
    """Write the whole upload into `archive`; raises Conflict while pieces are missing, Invalid for a wrong digest."""
    keys, end = _pieces(workspace_id, upload)
    if end < length:
        raise Conflict(f"Of {length} bytes {end} have come.", target="Upload-Offset")
    _, of_blocks, digest, _ = _ID.fullmatch(upload).groups()
    for key in keys:
        for chunk in store().read(key):
            archive.write(chunk)
    archive.seek(0)
    if _digest(archive, BLOCK if of_blocks else None) != digest:
        forget(workspace_id, upload)
        raise Invalid("What came has another digest than was said. Upload it again.", target="Upload-Metadata")


def _digest(archive: IO[bytes], block: int | None) -> str:
    if block is None:
        return hashlib.file_digest(archive, "sha256").hexdigest()
    blocks = iter(lambda: archive.read(block), b"")
    return hashlib.sha256(b"".join(hashlib.sha256(found).digest() for found in blocks)).hexdigest()


def forget(workspace_id: int, upload: str) -> None:
    for folder in _folders(workspace_id, upload):
        store().delete(folder)


def forget_old() -> None:
    """Delete what nobody went on with."""
    first = now().date() - timedelta(days=KEPT_DAYS - 1)
    for entry in store().list(ROOT):
        if date.fromisoformat(entry.path) < first:
            store().delete(f"{ROOT}/{entry.path}")
