"""The container of the datastore `workspaceartifactstore`: the logs and artifacts of each run, below one folder.

Source: azure-ai-ml downloads them from `ExperimentRun/dcid.RUN/`, in which logs lie as `user_logs/std_log.txt`.
"""

import re
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.dialects.arm import blobs, progress_log, storage
from app.dialects.arm.addressing import BLOBS
from app.errors import Invalid, NotFound
from app.jobs import places, queries
from app.jobs.permissions import READ
from app.jobs.tables import Job
from app.kit.storage import safe_key, store
from app.web.session import SessionDep

CONTAINER = "runs"
DATASTORE = "workspaceartifactstore"
router = APIRouter(prefix=f"{BLOBS}/{CONTAINER}")
_ADDRESS = re.compile(r"(?P<folder>ExperimentRun/dcid\.(?P<run>[^/]+)/)(?P<rest>.*)")
_LOGS = ("user_logs/", "system_logs/")


def _folders(job: Job) -> dict[str, str]:
    """Storage keys of the folders that are shown as one, by what their files' names begin with."""
    logs = places.log_key(job, "").rstrip("/")
    return {name: f"{logs}/{name}".rstrip("/") for name in _LOGS} | {"": places.artifact_key(job)}


def _logs(job: Job) -> str:
    """The path of the folder of its logs in the workspace's store."""
    return places.log_key(job, "").rstrip("/").removeprefix(f"{places.workspace_root(job)}/")


def progress_url(request: Request, caller: Caller, job: Job) -> str:
    """The address of the log of a pipeline or sweep, which opens for an hour."""
    url = storage.container_url(request, caller.workspace.name, CONTAINER)
    file = progress_log.FILES[job.type]
    return f"{url}/ExperimentRun/dcid.{job.name}/{file}?{storage.signature(caller, _logs(job))}"


def _found(blob: str) -> re.Match:
    found = _ADDRESS.fullmatch(blob)
    if found is None:
        raise NotFound(f"There is no file {blob!r}; those of a run lie below ExperimentRun/dcid.RUN/.", target="path")
    return found


@router.get("", dependencies=[allow(READ)])
def files(session: SessionDep, caller: CallerDep, prefix: str = "", comp: str = "") -> Response:
    """The files of one run, with all below its folders."""
    if comp != "list":
        raise Invalid("comp: only `list` is asked of this container.", target="comp")
    found = _found(prefix)
    job = queries.get(session, caller.workspace.id, found["run"])
    return blobs.listing(CONTAINER, prefix, _names(found["folder"], found["rest"], _folders(job)))


def _names(folder: str, start: str, keys: dict[str, str]) -> Iterator[tuple[str, int]]:
    for below, key in keys.items():
        for entry in store().walk(key):
            if (below + entry.path).startswith(start):
                yield f"{folder}{below}{entry.path}", entry.size


def _path(session: Session, caller: Caller, blob: str) -> str:
    """Where the file lies in the workspace's store."""
    found = _found(blob)
    job = queries.get(session, caller.workspace.id, found["run"])
    rest = safe_key(found["rest"])
    below = next((name for name in _LOGS if rest.startswith(name)), "")
    key = f"{_folders(job)[below]}/{rest.removeprefix(below)}"
    return key.removeprefix(f"{places.workspace_root(job)}/")


@router.head("/{blob:path}", dependencies=[allow(READ)])
def properties(blob: str, session: SessionDep, caller: CallerDep) -> Response:
    return blobs.described(caller, _path(session, caller, blob))


@router.get("/{blob:path}", dependencies=[allow(READ)])
def read(blob: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = _found(blob)
    job = queries.get(session, caller.workspace.id, found["run"])
    if found["rest"] == progress_log.FILES.get(job.type):
        storage.check_readable(caller, f"{_logs(job)}/{found['rest']}")
        return Response(progress_log.text(session, job), media_type="text/plain; charset=utf-8")
    return blobs.sent(request, caller, _path(session, caller, blob))
