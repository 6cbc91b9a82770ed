"""MLflow's artifact proxy: list, upload, download and delete below the tracking address."""

import mimetypes
from collections.abc import Iterator

import anyio.from_thread
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, StreamingResponse

from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import ArgumentsDep, answer
from app.errors import NotFound, TooLarge
from app.jobs.permissions import READ
from app.kit.storage import store
from app.tracking import artifacts
from app.tracking.permissions import WRITE
from app.web.session import SessionDep

router = APIRouter()
PIECE = 1 << 20


@router.get("/artifacts", dependencies=[allow(READ)])
def listing(arguments: ArgumentsDep, caller: CallerDep) -> Response:
    key = artifacts.readable_key(caller.workspace.id, arguments.optional_text("path"))
    found = [entry | {"path": entry["path"].rpartition("/")[2]} for entry in artifacts.entries(key)]
    return answer({"files": found} if found else {})


@router.get("/artifacts/{path:path}", dependencies=[allow(READ)])
def download(path: str, caller: CallerDep) -> Response:
    key = artifacts.readable_key(caller.workspace.id, path)
    size = store().size(key)
    if size is None:
        raise NotFound(f"No such artifact: {path!r}", target="path")
    name = key.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    local = store().local_path(key)
    if local is not None:
        return FileResponse(local, media_type=kind, filename=name)
    headers = {"Content-Length": str(size), "Content-Disposition": "attachment"}
    return StreamingResponse(store().read(key), media_type=kind, headers=headers)


@router.put("/artifacts/{path:path}", dependencies=[allow(WRITE)])
async def upload(path: str, request: Request, caller: CallerDep) -> Response:
    """Flat in memory: the file passes to the store in pieces, with no session open meanwhile."""
    key = await run_in_threadpool(artifacts.open_to_write, caller, path)
    pieces = _Pieces(request, request.app.state.settings.upload_bytes)
    await run_in_threadpool(store().write, key, pieces.read_from_thread())
    return answer()


class _Pieces:
    """The body of a request in pieces of a mebibyte, read from the thread that writes them."""

    def __init__(self, request: Request, limit: int) -> None:
        self.stream = request.stream()
        self.limit = limit
        self.total = 0

    def read_from_thread(self) -> Iterator[bytes]:
        while piece := anyio.from_thread.run(self._next):
            yield piece

    async def _next(self) -> bytes:
        piece = bytearray()
        async for chunk in self.stream:
            piece += chunk
            if len(piece) >= PIECE:
                break
        self.total += len(piece)
        if self.total > self.limit:
            raise TooLarge(f"A file may have {self.limit:,} bytes.", target="body")
        return bytes(piece)


@router.delete("/artifacts/{path:path}", dependencies=[allow(WRITE)])
def delete(path: str, session: SessionDep, caller: CallerDep) -> Response:
    store().delete(artifacts.writable_key(session, caller, path))
    return answer()
