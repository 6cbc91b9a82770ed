"""Files that come in parts, in any order and several at a time, and are whole once all are there."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from app.access.caller import Caller
from app.errors import Invalid, NotFound
from app.kit.ids import sortable
from app.kit.storage import safe_key, store
from app.tracking import artifacts

MOST_PARTS = 10_000
KEPT_SECONDS = 24 * 3600
_TARGET = "target"


class Part(NamedTuple):
    """`etag` is what the server answered to the part: the SHA-256 of its bytes."""

    number: int
    etag: str


def begin(caller: Caller, path: str, parts: int) -> str:
    """The id of a new upload to an artifact path; what was begun a day ago and never ended is removed."""
    if not 1 <= parts <= MOST_PARTS:
        raise Invalid(f"num_parts must be from 1 to {MOST_PARTS:,}. Found {parts:,}.", target="num_parts")
    key = artifacts.open_to_write(caller, path)
    _sweep(caller.workspace.id)
    upload = sortable()
    store().write_bytes(_key(caller.workspace.id, upload, _TARGET), key.encode())
    return upload


def _sweep(workspace_id: int) -> None:
    oldest = f"{int((time.time() - KEPT_SECONDS) * 1000):012x}"
    folder = _folder(workspace_id)
    for entry in store().list(folder):
        if entry.path < oldest:
            store().delete(f"{folder}/{entry.path}")


def open_part(caller: Caller, path: str, upload: str, number: int) -> str:
    """The storage key of a part that the caller may write."""
    if not 1 <= number <= MOST_PARTS:
        raise Invalid(f"The number of a part is from 1 to {MOST_PARTS:,}. Found {number:,}.", target="part_number")
    _check(caller, path, upload)
    return _key(caller.workspace.id, upload, str(number))


def finish(caller: Caller, path: str, upload: str, parts: Sequence[Part]) -> None:
    """Join the parts in the order of their numbers; raises Invalid where one is missing or is another than was sent."""
    key = _check(caller, path, upload)
    ordered = sorted(parts)
    if [part.number for part in ordered] != list(range(1, len(ordered) + 1)) or not ordered:
        raise Invalid("parts: name each part from 1 on once.", target="parts")
    store().write(key, _joined(caller.workspace.id, upload, ordered))
    store().delete(_key(caller.workspace.id, upload))


def _joined(workspace_id: int, upload: str, parts: Iterable[Part]) -> Iterator[bytes]:
    """Raises in the middle of the file where a part is wrong, so that the store keeps nothing of it."""
    for part in parts:
        key = _key(workspace_id, upload, str(part.number))
        if store().size(key) is None:
            raise Invalid(f"Part {part.number} was not uploaded.", target="parts")
        digest = hashlib.sha256()
        for piece in store().read(key):
            digest.update(piece)
            yield piece
        if part.etag.strip('"') != digest.hexdigest():
            raise Invalid(f"Part {part.number} is not the one whose ETag was given.", target="parts")


def abort(caller: Caller, path: str, upload: str) -> None:
    """Forget an upload and its parts."""
    _check(caller, path, upload)
    store().delete(_key(caller.workspace.id, upload))


def _check(caller: Caller, path: str, upload: str) -> str:
    """The storage key that an upload leads to, once it is clear that the caller may write there."""
    key = artifacts.open_to_write(caller, path)
    target = _key(caller.workspace.id, upload, _TARGET)
    if not upload.isalnum() or store().size(target) is None or store().read_bytes(target).decode() != key:
        raise NotFound(f"There is no multipart upload {upload!r} to {path!r}.", target="upload_id")
    return key


def _folder(workspace_id: int) -> str:
    return f"workspaces/{workspace_id}/parts"


def _key(workspace_id: int, upload: str, *names: str) -> str:
    return safe_key(_folder(workspace_id), upload, *names)
