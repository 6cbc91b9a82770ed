"""Answers with files of the artifact store: by range, with a content type that no browser runs as ours."""

import io
import mimetypes
import re
import time
import zlib
from collections.abc import Iterator
from itertools import chain
from tarfile import BLOCKSIZE, PAX_FORMAT, TarInfo
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from fastapi import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from app.errors import NotFound
from app.kit.storage import Entry, store

SANDBOX = (
    "sandbox; default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; font-src data:; "
    "media-src data: blob:; frame-ancestors 'self'"
)
WITH_SCRIPTS = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "img-src data: blob:; style-src 'unsafe-inline'; font-src data:; media-src data: blob:; worker-src blob:; "
    "frame-ancestors 'self'"
)
"""An origin of its own that reaches no other: scripts run, but with no cookie and no connection."""

DOCUMENT = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""Of a PDF: browsers show none in a sandbox, and run nothing of it as the page's."""

_TEXT_SUFFIXES = {"yaml", "yml", "md", "log", "py", "toml", "ini", "cfg", "sh", "txt", "jsonl", "sql", "r", "js", "css"}
_TEXT_NAMES = {"MLmodel", "Dockerfile", "Makefile", "LICENSE", "README"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def content_type(name: str) -> str:
    if name in _TEXT_NAMES or name.rpartition(".")[2].lower() in _TEXT_SUFFIXES:
        return "text/plain; charset=utf-8"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def file_answer(request: Request, key: str, *, download: bool = False, scripts: bool = False) -> Response:
    """One stored file; raises NotFound. What could run in a browser is shown in a sandbox only.

    `scripts` lets a page's own scripts run there, cut off from everything.
    """
    size = store().size(key)
    name = key.rpartition("/")[2]
    if size is None:
        raise NotFound(f"There is no file {name!r} here.", target="path")
    kind = content_type(name)
    disposition = "attachment" if download or kind == "application/octet-stream" else "inline"
    headers = {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(name)}",
        "Content-Security-Policy": DOCUMENT
        if kind == "application/pdf"
        else WITH_SCRIPTS
        if scripts and kind == "text/html"
        else SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
    local = store().local_path(key)
    if local is not None:
        return FileResponse(local, media_type=kind, headers=headers)
    return _streamed(request, key, size, kind, headers)


def _streamed(request: Request, key: str, size: int, kind: str, headers: dict[str, str]) -> Response:
    headers |= {"Accept-Ranges": "bytes"}
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if not wanted or wanted[0] == "bytes=-":
        headers["Content-Length"] = str(size)
        return StreamingResponse(store().read(key), media_type=kind, headers=headers)
    start = int(wanted[1]) if wanted[1] else max(size - int(wanted[2]), 0)
    end = min(int(wanted[2]) + 1, size) if wanted[1] and wanted[2] else size
    if start >= end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers |= {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{size}"}
    return StreamingResponse(store().read(key, start, end), status_code=206, media_type=kind, headers=headers)


class _Sink(io.RawIOBase):
    """Where a ZIP file is written to that nobody goes back in; `take` gives what came since."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self.pieces)
        self.pieces.clear()
        return data


def zip_answer(key: str, name: str) -> Response:
    """Every file below a key as a ZIP file, packed while it is sent; raises NotFound when there is none."""
    entries = store().walk(key)
    first = next(entries, None)
    if first is None:
        raise NotFound(f"There is no file in {name!r}.", target="path")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.zip"}
    return StreamingResponse(_zip(key, chain([first], entries)), media_type="application/zip", headers=headers)


def _zip(key: str, entries: Iterator[Entry]) -> Iterator[bytes]:
    sink = _Sink()
    # Model weights and pictures hardly shrink, so speed comes first.
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for entry in entries:
            info = ZipInfo(entry.path, time.gmtime()[:6])
            info.compress_type = ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as file:
                for piece in store().read(f"{key}/{entry.path}"):
                    file.write(piece)
                    if packed := sink.take():
                        yield packed
    yield sink.take()


def archive_answer(key: str, name: str) -> Response:
    """Every file below a key as a gzipped tar, packed while it is sent."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.tar.gz"}
    return StreamingResponse(_gzip(_tar(key)), media_type="application/gzip", headers=headers)


def _tar(key: str) -> Iterator[bytes]:
    for entry in store().walk(key):
        header = TarInfo(entry.path)
        header.size, header.mtime, header.mode = entry.size, int(time.time()), 0o644
        yield header.tobuf(PAX_FORMAT)
        yield from store().read(f"{key}/{entry.path}")
        yield b"\0" * (-entry.size % BLOCKSIZE)
    yield b"\0" * BLOCKSIZE * 2


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # 31: the largest window, in gzip's framing. Model weights hardly shrink, so speed comes first.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
