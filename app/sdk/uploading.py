"""Sends a long archive in pieces, and goes on where an earlier try stopped."""

import base64
import hashlib
import time
from collections.abc import Callable
from typing import IO
from urllib.parse import urlsplit

from app.sdk.errors import ClientError
from app.sdk.transport import Transport

PIECE = 8 << 20
TRIES = 6
Progress = Callable[[str, int, int | None], None]


def send(transport: Transport, archive: IO[bytes], size: int, step: str, progress: Progress) -> str:
    """Send an archive of `size` bytes; answers the address under which its content lies.

    A connection that is lost is tried again for half a minute. Raises ClientError after that; what has come stays
    with the server for days, and the same archive goes on from there.
    """
    digest = base64.b64encode(_digest(archive).encode()).decode()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": f"sha256 {digest}"}
    begun = transport.send("POST", "/api/uploads/resumable", headers=headers)
    place = "/api/uploads/resumable/" + urlsplit(begun.headers["Location"]).path.rpartition("/")[2]
    offset, failures = int(begun.headers["Upload-Offset"]), 0
    while offset < size:
        progress(step, offset, size)
        archive.seek(offset)
        try:
            offset = _send_piece(transport, place, archive.read(PIECE), offset)
            failures = 0
        except ClientError as error:
            failures += 1
            if error.status is not None or failures == TRIES:
                raise
            time.sleep(2**failures / 2)
            offset = _offset(transport, place, offset)
    progress(step, size, size)
    return transport.json("POST", f"{place}/complete", timeout=600)["uri"]


def _digest(archive: IO[bytes]) -> str:
    found = hashlib.sha256()
    archive.seek(0)
    for chunk in iter(lambda: archive.read(1 << 20), b""):
        found.update(chunk)
    return found.hexdigest()


def _send_piece(transport: Transport, place: str, piece: bytes, offset: int) -> int:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
    }
    answer = transport.send("PATCH", place, content=piece, headers=headers, timeout=600)
    return int(answer.headers["Upload-Offset"])


def _offset(transport: Transport, place: str, known: int) -> int:
    """What has come, as far as the server can be asked."""
    try:
        return int(transport.send("HEAD", place).headers["Upload-Offset"])
    except ClientError as error:
        if error.status is not None:
            raise
        return known
