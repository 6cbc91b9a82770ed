"""MLflow's artifact proxy: list, upload, download and delete below the tracking address."""

import mimetypes

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, StreamingResponse

from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import ArgumentsDep, answer
from app.errors import NotFound
from app.jobs.permissions import READ
from app.kit.storage import store
from app.traces import places as traces
from app.tracking import artifacts
from app.tracking.permissions import WRITE
from app.web.bodies import store_body
from app.web.session import SessionDep

router = APIRouter()


class LongFile(FileResponse):
    """A thread reads each piece, so that long ones make a transfer several times as fast."""

    chunk_size = 1 << 20


@router.get("/artifacts", dependencies=[allow(READ)])
def listing(arguments: ArgumentsDep, caller: CallerDep) -> Response:
    key = artifacts.readable_key(caller.workspace.id, arguments.optional_text("path"))
    found = [entry | {"path": entry["path"].rpartition("/")[2]} for entry in artifacts.entries(key)]
    return answer({"files": found} if found else {})


@router.get("/artifacts/{path:path}", dependencies=[allow(READ)])
def download(path: str, caller: CallerDep) -> Response:
    return file_answer(artifacts.readable_key(caller.workspace.id, path), path)


def file_answer(key: str, path: str) -> Response:
    """The file of a key; raises NotFound, which calls it `path`."""
    size = store().size(key)
    if size is None:
        raise NotFound(f"No such artifact: {path!r}", target="path")
    name = key.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    local = store().local_path(key)
    if local is not None:
        return LongFile(local, media_type=kind, filename=name)
    headers = {"Content-Length": str(size), "Content-Disposition": "attachment"}
    return StreamingResponse(store().read(key), media_type=kind, headers=headers)


@router.put("/artifacts/{path:path}", dependencies=[allow(WRITE)])
async def upload(path: str, request: Request, caller: CallerDep) -> Response:
    """No session is open while the file comes in."""
    owner = traces if traces.leads_to_trace(path) else artifacts
    key = await run_in_threadpool(owner.open_to_write, caller, path)
    await store_body(request, key)
    return answer()


@router.delete("/artifacts/{path:path}", dependencies=[allow(WRITE)])
def delete(path: str, session: SessionDep, caller: CallerDep) -> Response:
    owner = traces if traces.leads_to_trace(path) else artifacts
    store().delete(owner.writable_key(session, caller, path))
    return answer()
