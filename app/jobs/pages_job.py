"""The page of one job, a tab an address. What is tracked (metrics, images, files) has its tabs in `app.tracking`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.errors import NotFound
from app.jobs import causes, containers, facets, logs, previews, progress, queries, waiting
from app.jobs.lifecycle import Status
from app.jobs.permissions import READ
from app.jobs.places import USER_LOG
from app.jobs.tables import Job
from app.web.session import SessionDep
from app.web.templating import templates

MOST_FAILED = 5
router = APIRouter(prefix="/jobs/{name}", include_in_schema=False)


def page(
    request: Request, session: Session, caller: Caller, name: str, tab: str, template: str, **more: Any
) -> Response:
    """A tab of a job's page; `template` extends `jobs/job.html`."""
    job = more.pop("job", None) or queries.get(session, caller.workspace.id, name)
    parent = session.get(Job, job.parent_id) if job.parent_id else None
    children = facets.count_children(session, job)
    context = {"job": job, "tab": tab, "parent": parent, "children_count": children, **more}
    return templates.TemplateResponse(request, template, context)


@router.get("", dependencies=[allow(READ)])
def overview(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    assets = queries.assets(session, job)
    more = {
        "job": job,
        "line": causes.line_of_failure(job) if job.status is Status.FAILED else None,
        "read": {edge.port: edge for edge in assets if edge.direction == "input"},
        "wrote": {edge.port: edge for edge in assets if edge.direction == "output"},
        **{edge.port: edge for edge in assets if edge.direction == "source"},
        "user_log": USER_LOG,
        "waiting": waiting.explain(session, [job]).get(job.id),
        "failed": queries.failed_children(session, job, MOST_FAILED) if job.status is Status.FAILED else [],
        "runs_in": containers.place_of(job),
    }
    return page(request, session, caller, name, "overview", "jobs/overview.html", **more)


@router.get("/_status", dependencies=[allow(READ)])
def status_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    return templates.TemplateResponse(request, "jobs/_status.html", {"job": job})


@router.get("/_progress", dependencies=[allow(READ)])
def progress_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """How far a parallel step is."""
    job = queries.get(session, caller.workspace.id, name)
    return templates.TemplateResponse(request, "jobs/_progress.html", {"job": job, "done": progress.read(job)})


@router.get("/_waiting", dependencies=[allow(READ)])
def waiting_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Why the job waits, while it does."""
    job = queries.get(session, caller.workspace.id, name)
    context = {"job": job, "waiting": waiting.explain(session, [job]).get(job.id)}
    return templates.TemplateResponse(request, "jobs/_waiting.html", context)


@router.get("/logs", dependencies=[allow(READ)])
def log_page(name: str, request: Request, session: SessionDep, caller: CallerDep, file: str = USER_LOG) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    files = logs.files(job)
    if file not in files:
        raise NotFound(f"file: job {name} has no log {file!r}; it has {', '.join(files)}.", target="file")
    return page(request, session, caller, name, "logs", "jobs/logs.html", job=job, files=files, file=file)


@router.get("/code", dependencies=[allow(READ)])
def code(name: str, request: Request, session: SessionDep, caller: CallerDep, path: str = "") -> Response:
    """The code as it was when the job was submitted: its files, and one of them."""
    job = queries.get(session, caller.workspace.id, name)
    files = previews.files_below(job.code) if job.code else []
    path = path or previews.likeliest(files, job.command or "")
    shown = previews.preview(job.code, path) if path else None
    return page(
        request, session, caller, name, "code", "jobs/code.html",
        job=job, entries=previews.tree(files), path=path, shown=shown,
    )  # fmt: skip


@router.get("/lineage", dependencies=[allow(READ)])
def lineage(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    assets = queries.assets(session, job)
    more = {
        "job": job,
        "read": {edge.port: edge for edge in assets if edge.direction == "input"},
        "wrote": {edge.port: edge for edge in assets if edge.direction == "output"},
    }
    return page(request, session, caller, name, "lineage", "jobs/lineage.html", **more)


@router.get("/children", dependencies=[allow(READ)])
def children(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    found = queries.children(session, job, number)
    return page(request, session, caller, name, "children", "jobs/children.html", job=job, page=found)


@router.get("/yaml", dependencies=[allow(READ)])
def yaml(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return page(request, session, caller, name, "yaml", "jobs/yaml.html")
