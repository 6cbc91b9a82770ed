"""Azure's calls about jobs."""

from typing import Annotated

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, code_files, job_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.job_documents import document_of
from app.dialects.arm.wire import mapping
from app.errors import Invalid
from app.jobs import queries, service
from app.jobs.permissions import DELETE, READ, WRITE
from app.jobs.tables import Job
from app.runs import removing
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/jobs")
VIEWS = {"activeonly": False, "archivedonly": True, "all": None}


def shown(request: Request, job: Job) -> dict:
    properties = job_shapes.properties_of(job, answers.workspace_id(request), page_of(request, job))
    changed_at = job.ended_at or job.started_at
    return answers.resource(
        request,
        f"jobs/{job.name}",
        properties,
        created_at=job.created_at,
        created_by=job.created_by,
        changed_at=changed_at,
    )


def page_of(request: Request, job: Job) -> str:
    """The address at which a browser shows the job."""
    path = url_for_workspace(request.path_params["workspace"], f"/jobs/{job.name}")
    # Clients add parameters of their own to it by '&'.
    return f"{request.app.state.settings.url.rstrip('/')}{path}?wsid={answers.workspace_id(request)}"


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Submit a job, or change what is said of the one of that name, which never runs again for it."""
    job = queries.find(session, caller.workspace.id, name)
    if job is not None:
        _change(session, job, mapping(sent, "properties", "body"))
        return answers.body(shown(request, job))
    document = document_of(name, sent, lambda id: code_files.address_of(caller.workspace.id, id))
    job = _submit(session, caller, document)
    note(session, "jobs", job.name, after={"display_name": job.display_name, "command": job.command})
    return answers.body(shown(request, job), 201)


def _submit(session: Session, caller: Caller, document: dict) -> Job:
    # The lines of problems are those of a file that the caller never saw.
    try:
        job = service.submit(session, caller, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    except Invalid as error:
        error.message, error.details = _without_line(error.message), [_without_line(text) for text in error.details]
        raise
    job.warnings = [_without_line(text) for text in job.warnings]
    return job


def _without_line(message: str) -> str:
    place, colon, rest = message.partition(": ")
    return rest if colon and place.startswith("job.yml") else message


def _change(session: Session, job: Job, asked: dict) -> None:
    changes = {
        "display_name": asked.get("displayName") or None,
        "description": asked.get("description"),
        "tags": asked.get("tags"),
        "archived": asked.get("isArchived"),
    }
    change(session, job, {name: value for name, value in changes.items() if value is not None})


def change(session: Session, job: Job, changes: dict) -> None:
    before = {name: job.tag_map if name == "tags" else getattr(job, name) for name in changes}
    service.change(session, job, **changes)
    note(session, "jobs", job.name, before=before, after=changes)


@router.get("", dependencies=[allow(READ)])
def jobs(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    paging: PagingDep,
    view: Annotated[str, Query(alias="listViewType")] = "ActiveOnly",
    type: Annotated[str, Query(alias="jobType")] = "",
    tag: str = "",
) -> JSONResponse:
    """The newest first, without those that are parts of others."""
    if view.lower() not in VIEWS:
        raise Invalid(f"listViewType: {view!r} is not one of ActiveOnly, ArchivedOnly, All.", target="listViewType")
    narrowed = queries.Filter(type=type.lower(), tag=tag, archived=VIEWS[view.lower()], is_child=False)
    found = queries.page(session, caller.workspace.id, narrowed, number=paging.number, size=paging.size)
    return paging.answer(found, lambda job: shown(request, job))


@router.get("/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return answers.body(shown(request, queries.get(session, caller.workspace.id, name)))


@router.post("/{name}/cancel", dependencies=[allow(WRITE)])
def cancel(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    before = job.status
    service.cancel(session, job)
    note(session, "jobs", name, before={"status": before}, after={"status": job.status})
    return _stopped(request, job)


@router.get("/{name}/cancel", dependencies=[allow(READ)])
def canceled(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """How far a cancellation is: 202 until the job has ended."""
    return _stopped(request, queries.get(session, caller.workspace.id, name))


def _stopped(request: Request, job: Job) -> Response:
    return Response(status_code=200) if job.status.is_final else answers.underway(request, f"jobs/{job.name}/cancel")


@router.delete("/{name}", dependencies=[allow(DELETE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    """Delete a job that has ended for good, with its files and all below it."""
    job = queries.find(session, caller.workspace.id, name)
    if job is None:
        return Response(status_code=204)
    removing.remove(session, [job.id])
    note(session, "jobs", name, after={"deleted": "for good"})
    return Response(status_code=200)
