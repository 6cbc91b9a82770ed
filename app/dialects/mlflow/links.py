"""Links by which one file can be fetched or sent for a short time without a token.

The store's own where it has such (S3), else ours, which carry a signature in place of a token.
Source: `createPresignedUploadUrl`, `createPresignedDownloadUrl` and `getPresignedDownloadUrl` of
`mlflow/server/handlers.py`.
"""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.access.permissions import PUBLIC
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer
from app.dialects.mlflow.artifacts import file_answer
from app.errors import Invalid, NotFound, Unauthenticated, Unsupported
from app.jobs.permissions import READ
from app.jobs.tables import Job
from app.kit import crypto
from app.kit.clock import now
from app.kit.storage import safe_key, store
from app.tracking import artifacts, logged_models, runs
from app.tracking.permissions import WRITE
from app.tracking.tables import LoggedModel
from app.web.bodies import store_body
from app.web.session import SessionDep

router = APIRouter()
files = APIRouter()
LONGEST = 7 * 24 * 3600
UPLOAD_SECONDS, DOWNLOAD_SECONDS = 900, 300


@router.post("/artifacts/presigned-upload-url", dependencies=[allow(WRITE)])
def upload_link(request: Request, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    if ("run_id" in arguments) == ("model_id" in arguments):
        raise Invalid("Exactly one of run_id and model_id must be provided.", target="run_id")
    key = _key(_owner(session, caller, arguments), arguments)
    link = _link(request, key, "PUT", _seconds(arguments, UPLOAD_SECONDS))
    return answer({"presigned_url": link, "headers": {}})


@router.post("/artifacts/presigned-download-url", dependencies=[allow(READ)])
def download_link(request: Request, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    run = runs.get(session, caller.workspace.id, arguments.text("run_id"))
    key, seconds = _key(run, arguments), _seconds(arguments, DOWNLOAD_SECONDS)
    size = _size(key, arguments.text("path"))
    return answer({"presigned_url": _link(request, key, "GET", seconds), "headers": {}, "file_size": size})


@files.get("/presigned/{path:path}", dependencies=[allow(READ)])
def proxied_link(path: str, request: Request, caller: CallerDep) -> Response:
    """For the client that fetches a long file in pieces, side by side."""
    key = artifacts.readable_key(caller.workspace.id, path)
    size = _size(key, path)
    return answer({"url": _link(request, key, "GET", DOWNLOAD_SECONDS), "headers": {}, "file_size": size})


def _owner(session: Session, caller: Caller, arguments: Arguments) -> Job | LoggedModel:
    if "model_id" in arguments:
        return logged_models.get_writable(session, caller, arguments.text("model_id"))
    return runs.get_writable(session, caller, arguments.text("run_id"))


def _key(owner: Job | LoggedModel, arguments: Arguments) -> str:
    """Raises Unsupported for files that do not lie with the server, see `app.tracking.artifacts.root_uri`."""
    if not artifacts.root_uri(owner).startswith(artifacts.SCHEME):
        raise Unsupported("Presigned links are not supported for the current artifact repository")
    root = artifacts.model_key(owner) if isinstance(owner, LoggedModel) else artifacts.run_key(owner)
    key = safe_key(root, arguments.text("path"))
    if key == root:
        raise Invalid("path: it must name a file.", target="path")
    return key


def _size(key: str, path: str) -> int:
    size = store().size(key)
    if size is None:
        raise NotFound(f"No such artifact: {path!r}", target="path")
    return size


def _seconds(arguments: Arguments, default: int) -> int:
    seconds = arguments.integer("expiration", default)
    if not 1 <= seconds <= LONGEST:
        raise Invalid(f"expiration must be between 1 and {LONGEST} seconds (got {seconds}).", target="expiration")
    return seconds


def _link(request: Request, key: str, method: str, seconds: int) -> str:
    found = store().link(key, method, seconds)
    if found is not None:
        return found
    until = int(now().timestamp()) + seconds
    root = str(request.base_url).rstrip("/")
    return f"{root}/api/2.0/mlflow-artifacts/signed/{until}/{crypto.sign(method, until, key)}/{quote(key)}"


def _check(method: str, until: int, signature: str, key: str) -> str:
    if not crypto.is_signed(signature, method, until, key) or until < now().timestamp():
        raise Unauthenticated("The link is not valid: it is for something else, or its time is over.")
    return safe_key(key)


@files.get("/signed/{until}/{signature}/{key:path}", dependencies=[allow(PUBLIC)])
def fetch(until: int, signature: str, key: str) -> Response:
    key = _check("GET", until, signature, key)
    return file_answer(key, key.rpartition("/")[2])


@files.put("/signed/{until}/{signature}/{key:path}", dependencies=[allow(PUBLIC)])
async def send(until: int, signature: str, key: str, request: Request) -> Response:
    """No session is open while the file comes in."""
    await store_body(request, _check("PUT", until, signature, key))
    return answer()
