"""MLflow's multipart uploads through the tracking server.

Source: `mlflow/store/artifact/http_artifact_repo.py` and the handlers `mpu/…` of `mlflow/server/handlers.py`.
"""

import hashlib
import posixpath
from collections.abc import Iterator
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer
from app.kit.storage import store
from app.tracking import multipart
from app.tracking.permissions import WRITE
from app.web.bodies import store_body

router = APIRouter()


def _path(folder: str, arguments: Arguments) -> str:
    """The client names the file by its path on its own disk."""
    return posixpath.join(folder, posixpath.basename(arguments.text("path").replace("\\", "/")))


@router.post("/mpu/create/{folder:path}", dependencies=[allow(WRITE)])
def create(folder: str, request: Request, arguments: ArgumentsDep, caller: CallerDep) -> Response:
    path, count = _path(folder, arguments), arguments.integer("num_parts")
    upload = multipart.begin(caller, path, count)
    root = str(request.base_url).rstrip("/") + request.scope["path"].removeprefix(request.scope["root_path"])
    root = root.partition("/mpu/create/")[0]
    # The client sends a part with these headers only; they prove what the request for them proved.
    headers = {"Authorization": request.headers.get("authorization", "")}
    credentials = [
        {"url": f"{root}/mpu/parts/{upload}/{number}/{quote(path)}", "part_number": number, "headers": headers}
        for number in range(1, count + 1)
    ]
    return answer({"upload_id": upload, "credentials": credentials})


@router.put("/mpu/parts/{upload}/{number}/{path:path}", dependencies=[allow(WRITE)])
async def part(upload: str, number: int, path: str, request: Request, caller: CallerDep) -> Response:
    key = await run_in_threadpool(multipart.open_part, caller, path, upload, number)
    await store_body(request, key)
    return Response(headers={"ETag": f'"{await run_in_threadpool(_digest, store().read(key))}"'})


def _digest(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


@router.post("/mpu/complete/{folder:path}", dependencies=[allow(WRITE)])
def complete(folder: str, arguments: ArgumentsDep, caller: CallerDep) -> Response:
    parts = [
        multipart.Part(item.integer("part_number"), item.optional_text("etag")) for item in arguments.objects("parts")
    ]
    multipart.finish(caller, _path(folder, arguments), arguments.text("upload_id"), parts)
    return answer()


@router.post("/mpu/abort/{folder:path}", dependencies=[allow(WRITE)])
def abort(folder: str, arguments: ArgumentsDep, caller: CallerDep) -> Response:
    multipart.abort(caller, _path(folder, arguments), arguments.text("upload_id"))
    return answer()
