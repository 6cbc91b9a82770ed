"""REST for jobs."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow, note
from app.jobs import interactive, logs, progress, queries, service, streams, waiting
from app.jobs.lifecycle import Priority
from app.jobs.permissions import READ, WRITE
from app.jobs.places import USER_LOG
from app.jobs.schemas import JobChange, JobChecked, JobRead, JobSubmit, ServiceRead
from app.jobs.tables import Job
from app.web.paging import Listing, listing
from app.web.session import SessionDep
from app.web.sse import stream
from app.web.yaml_bodies import yaml_body, yaml_body_of

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

SUBMIT_BODIES = yaml_body("A job file", JobSubmit)


async def _submitted(request: Request) -> JobSubmit:
    return JobSubmit.model_validate(await yaml_body_of(request))


@router.post("", status_code=201, response_model=JobRead, dependencies=[allow(WRITE)], openapi_extra=SUBMIT_BODIES)
def submit(new: Annotated[JobSubmit, Depends(_submitted)], session: SessionDep, caller: CallerDep) -> JobRead:
    job = service.submit(session, caller, new.yaml, new.uploads, new.file)
    note(session, "jobs", job.name, after={"display_name": job.display_name, "command": job.command})
    return JobRead.of(job)


@router.post("/validate", response_model=JobChecked, dependencies=[allow(READ)], openapi_extra=SUBMIT_BODIES)
def validate(new: Annotated[JobSubmit, Depends(_submitted)], session: SessionDep, caller: CallerDep) -> JobChecked:
    """What submitting a job file would say, with nothing submitted and its uploads only named."""
    spec = service.check(session, caller.workspace.id, new.yaml, new.uploads, new.file)
    return JobChecked(type=spec.type, warnings=list(spec.warnings))


@router.get("", response_model=Listing[JobRead], dependencies=[allow(READ)])
def jobs(
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    status: Annotated[list[str], Query()] = [],
    experiment: str = "",
    created_by: str = "",
    type: str = "",
    tag: str = "",
    archived: bool = False,
    deleted: bool = False,
    parent: str = "",
    sort: str = "-created",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    narrowed = queries.Filter(text, tuple(status), experiment, created_by, type, tag, archived, deleted)
    if parent:
        narrowed = replace(narrowed, parent_id=queries.get(session, caller.workspace.id, parent).id)
    found = queries.page(session, caller.workspace.id, narrowed, sort=sort, number=page, size=size)
    reasons = waiting.explain(session, found.rows)
    return listing(found, [JobRead.of(job, reasons.get(job.id)) for job in found.rows])


@router.get("/{name}", response_model=JobRead, dependencies=[allow(READ)])
def read(name: str, session: SessionDep, caller: CallerDep) -> JobRead:
    job = queries.get(session, caller.workspace.id, name)
    return JobRead.of(job, waiting.explain(session, [job]).get(job.id))


@router.patch("/{name}", response_model=JobRead, dependencies=[allow(WRITE)])
def change(name: str, change: JobChange, session: SessionDep, caller: CallerDep) -> JobRead:
    job = queries.get(session, caller.workspace.id, name)
    changes = change.model_dump(exclude_unset=True)
    before = {field: _value(job, field) for field in changes}
    service.change(session, job, **changes)
    note(session, "jobs", name, before=before, after=changes)
    return JobRead.of(job)


@router.get("/{name}/services", response_model=list[ServiceRead], dependencies=[allow(READ)])
def services(name: str, request: Request, session: SessionDep, caller: CallerDep) -> list[ServiceRead]:
    """The interactive services of a job, and where a browser opens each."""
    job = queries.get(session, caller.workspace.id, name)
    base = str(request.base_url)
    return [ServiceRead.of(caller, job, service, base) for service in interactive.of_job(session, job)]


@router.post("/{name}/cancel", response_model=JobRead, dependencies=[allow(WRITE)])
def cancel(name: str, session: SessionDep, caller: CallerDep) -> JobRead:
    job = queries.get(session, caller.workspace.id, name)
    before = job.status
    service.cancel(session, job)
    note(session, "jobs", name, before={"status": before}, after={"status": job.status})
    return JobRead.of(job)


@router.post("/{name}/resubmit", status_code=201, response_model=JobRead, dependencies=[allow(WRITE)])
def resubmit(name: str, session: SessionDep, caller: CallerDep) -> JobRead:
    """The same job once more, under a new name."""
    job = service.resubmit(session, caller, queries.get(session, caller.workspace.id, name))
    note(session, "jobs", job.name, after={"resubmitted": name})
    return JobRead.of(job)


@router.get("/{name}/progress", dependencies=[allow(READ)])
def how_far(name: str, session: SessionDep, caller: CallerDep) -> dict[str, Any]:
    """How far a parallel step is: `items` of a `unit`, `share`, `seconds_left`; empty for other jobs."""
    return progress.read(queries.get(session, caller.workspace.id, name)) or {}


@router.get("/{name}/yaml", dependencies=[allow(READ)], response_class=Response)
def yaml(name: str, session: SessionDep, caller: CallerDep) -> Response:
    """The job file as it was submitted."""
    job = queries.get(session, caller.workspace.id, name)
    return Response(job.source_yaml or "", media_type="application/yaml")


@router.get("/{name}/logs", dependencies=[allow(READ)], response_class=Response)
def log(
    name: str, session: SessionDep, caller: CallerDep, file: str = USER_LOG, offset: int = 0, download: bool = False
) -> Response:
    """A log from a byte offset on; `X-Log-Offset` is where to go on, `X-Log-Final` whether that is the end."""
    job = queries.get(session, caller.workspace.id, name)
    if download:
        headers = {"Content-Disposition": f'attachment; filename="{name}-{file.rpartition("/")[2]}"'}
        return StreamingResponse(logs.whole(job, file), media_type="text/plain; charset=utf-8", headers=headers)
    piece = logs.read(job, file, offset)
    headers = {"X-Log-Offset": str(piece.offset), "X-Log-Final": str(piece.is_final).lower()}
    return Response(piece.text, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/{name}/logs/files", dependencies=[allow(READ)])
def log_files(name: str, session: SessionDep, caller: CallerDep) -> list[str]:
    return logs.files(queries.get(session, caller.workspace.id, name))


@router.get("/{name}/logs/stream", dependencies=[allow(READ)], response_class=StreamingResponse)
def log_stream(
    name: str, request: Request, session: SessionDep, caller: CallerDep, file: str = USER_LOG, offset: int = 0
) -> StreamingResponse:
    """Server-sent events `log` (id: byte offset after) and `end`; resumes by `Last-Event-ID`."""
    job = queries.get(session, caller.workspace.id, name)
    return stream(streams.log_events(request, job.id, file, offset))


@router.get("/{name}/events", dependencies=[allow(READ)], response_class=StreamingResponse)
def events(name: str, session: SessionDep, caller: CallerDep) -> StreamingResponse:
    """Server-sent events `status`, `metrics` and `end`."""
    return stream(streams.change_events(queries.get(session, caller.workspace.id, name).id))


def _value(job: Job, field: str):
    match field:
        case "tags":
            return job.tag_map
        case "priority":
            return Priority(job.priority).label
    return getattr(job, field)
