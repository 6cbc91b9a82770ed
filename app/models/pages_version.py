"""The page of one version of a model, a tab an address."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.jobs import previews
from app.jobs import queries as jobs
from app.kit.paging import Page
from app.models import queries, service
from app.models.permissions import READ, WRITE
from app.models.tables import ModelVersion
from app.tracking import metric_names
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}/versions/{version}", include_in_schema=False)
SHOWN_METRICS = 30


@router.get("", dependencies=[allow(READ)])
def overview(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    context = overview_context(session, caller, found)
    return templates.TemplateResponse(request, "models/overview.html", context)


@router.get("/files", dependencies=[allow(READ)])
def files(
    name: str,
    version: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    path: str = "",
    files_page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """The files of a version, and one of them."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    entries = previews.files_below(found.path, files_page)
    path = path or previews.most_telling(entries)
    context = version_context(session, caller, found, "files")
    context |= {
        "entries": previews.tree(entries),
        "path": path,
        "shown": previews.preview(found.path, path) if path else None,
        "files": entries,
    }
    return templates.TemplateResponse(request, "models/files.html", context)


@router.get("/use", dependencies=[allow(READ)])
def use(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    return templates.TemplateResponse(request, "models/use.html", version_context(session, caller, found, "use"))


def version_context(session: Session, caller: Caller, found: ModelVersion, tab: str) -> dict[str, Any]:
    """What every tab's template needs; each extends `models/version.html`."""
    return {
        "model": found.model,
        "version": found,
        "tab": tab,
        "aliases": queries.aliases_of(session, found),
        "may_write": caller.can(WRITE.name),
        "may_deploy": caller.can("endpoints/write"),
    }


def overview_context(session: Session, caller: Caller, found: ModelVersion) -> dict[str, Any]:
    job = queries.job_of(session, found)
    name, number = found.model.name, str(found.version)
    metrics = metric_names.latest(session, job.id, SHOWN_METRICS) if job else Page([], 0, 1, SHOWN_METRICS)
    uses = jobs.users_of(session, caller.workspace.id, "model", name, number)
    return version_context(session, caller, found, "overview") | {
        "job": job,
        "metrics": metrics.rows,
        "more_metrics": metrics.total - len(metrics.rows),
        "read": [edge for edge in jobs.assets(session, job) if edge.direction == "input"] if job else [],
        "readers": [user for user, direction in uses if direction == "input"],
        "stages": list(service.STAGES.values()),
    }
