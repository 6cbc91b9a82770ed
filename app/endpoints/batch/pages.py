"""Pages of batch endpoints: the list, and one endpoint with its deployments, jobs and how it is invoked."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.endpoints.batch import pages_invoke, pages_new, queries, service, snippets
from app.endpoints.batch.tables import BatchEndpoint
from app.endpoints.permissions import READ, WRITE
from app.jobs import permissions as jobs
from app.jobs import progress
from app.web.addressing import url_for_workspace
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/batch-endpoints", include_in_schema=False)
include(router, pages_new.router)
Number = Annotated[int, Query(ge=1)]


def context_of(caller: Caller, endpoint: BatchEndpoint, tab: str, **more: Any) -> dict:
    """What every tab's template needs; each extends `batch/endpoint.html`."""
    rights = {"may_write": caller.can(WRITE.name), "may_invoke": caller.can(jobs.WRITE.name)}
    return {"endpoint": endpoint, "tab": tab, **rights, **more}


@router.get("", dependencies=[allow(READ)])
def endpoints(
    request: Request, session: SessionDep, caller: CallerDep, text: str = "", sort: str = "name", page: Number = 1
) -> Response:
    found = queries.page(session, caller.workspace.id, text=text.strip(), sort=sort, number=page, size=25)
    context = {
        "page": found,
        "last": queries.last_jobs(session, found.rows),
        "narrowed": bool(text.strip()),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "batch/list.html", context)


@router.get("/{name}", dependencies=[allow(READ)])
def details(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    shown = _jobs_context(session, endpoint, size=10)
    return templates.TemplateResponse(request, "batch/details.html", context_of(caller, endpoint, "details", **shown))


@router.get("/{name}/jobs", dependencies=[allow(READ)])
def jobs_page(
    name: str, request: Request, session: SessionDep, caller: CallerDep, deployment: str = "", page: Number = 1
) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    shown = _jobs_context(session, endpoint, deployment, number=page)
    return templates.TemplateResponse(request, "batch/jobs.html", context_of(caller, endpoint, "jobs", **shown))


def _jobs_context(session: Session, endpoint: BatchEndpoint, deployment: str = "", **which: int) -> dict:
    found = queries.jobs(session, endpoint, deployment, **{"size": 25, **which})
    return {
        "page": found,
        "progress_of": progress.of_pipelines(session, found.rows),
        "deployment_of": queries.deployment_names(session, found.rows),
        "is_settled": all(job.status.is_final for job in found.rows),
    }


@router.get("/{name}/consume", dependencies=[allow(READ)])
def consume(name: str, request: Request, session: SessionDep, caller: CallerDep, deployment: str = "") -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    chosen = deployment or endpoint.default_deployment
    asked = queries.deployment_of(endpoint, chosen) if chosen else None
    path = url_for_workspace(caller.workspace.name, f"/api/batch-endpoints/{name}/jobs")
    server = request.app.state.settings.url
    shown = {"scoring_uri": server + path, "snippets_of_call": snippets.calls(server, path, name, asked)}
    return templates.TemplateResponse(request, "batch/consume.html", context_of(caller, endpoint, "consume", **shown))


@router.post("/{name}/default", dependencies=[allow(WRITE)])
def set_default(name: str, session: SessionDep, caller: CallerDep, deployment: Annotated[str, Form()] = "") -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    before = {"deployment_name": endpoint.default_deployment}
    service.change(session, endpoint, defaults={"deployment_name": deployment})
    note(session, "batch-endpoints", name, before=before, after={"deployment_name": deployment})
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/batch-endpoints/{name}"), 303)


@router.post("/{name}/delete", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    service.delete(session, queries.get(session, caller.workspace.id, name))
    note(session, "batch-endpoints", name)
    return RedirectResponse(url_for_workspace(caller.workspace.name, "/batch-endpoints"), 303)


@router.post("/{name}/deployments/{deployment}/delete", dependencies=[allow(WRITE)])
def delete_deployment(name: str, deployment: str, session: SessionDep, caller: CallerDep) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    service.delete_deployment(session, queries.deployment_of(endpoint, deployment))
    note(session, "batch-deployments", f"{name}/{deployment}")
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/batch-endpoints/{name}"), 303)


include(router, pages_invoke.router)
