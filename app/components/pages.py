"""Pages of components: the list, one version with its tabs, and the form that makes one."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.components import pages_changes, queries
from app.components.permissions import READ, WRITE
from app.components.tables import ComponentVersion
from app.jobs import queries as jobs
from app.jobs.specification import job_file, load_component
from app.web.paging import AssetsShownQuery
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/components", include_in_schema=False)
# Before the pages below, whose {name} would also match their addresses.
include(router, pages_changes.router)
VERSION = "/{name}/versions/{version}"


@router.get("", dependencies=[allow(READ)])
def components(request: Request, session: SessionDep, caller: CallerDep, asked: AssetsShownQuery) -> Response:
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    context = {"page": found, "narrowed": asked.is_narrowed, "may_write": caller.can(WRITE.name)}
    return templates.TemplateResponse(request, "components/list.html", context)


@router.get("/{name}", dependencies=[allow(READ)])
def newest(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _overview(request, session, caller, queries.get_version(session, caller.workspace.id, name))


@router.get(VERSION, dependencies=[allow(READ)])
def overview(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _overview(request, session, caller, queries.get_version(session, caller.workspace.id, name, version))


@router.get(VERSION + "/yaml", dependencies=[allow(READ)])
def yaml(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    return _page(request, "components/yaml.html", caller, found)


@router.get(VERSION + "/jobs", dependencies=[allow(READ)])
def jobs_page(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """The jobs that ran this version."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    uses = jobs.users_of(session, caller.workspace.id, "component", name, found.version)
    return _page(request, "components/jobs.html", caller, found, uses=uses)


@router.get("/{name}/versions", dependencies=[allow(READ)])
def versions(
    name: str, request: Request, session: SessionDep, caller: CallerDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name)
    rows = queries.versions(session, found.component, number=page, size=25)
    return _page(request, "components/versions.html", caller, found, page=rows)


def _overview(request: Request, session: Session, caller: Caller, found: ComponentVersion) -> Response:
    component = load_component(found.spec)
    reference = f"azureml:{found.component.name}:{found.version}"
    context = {"spec": component, "named": reference, "job_file": job_file(reference, component)}
    return _page(request, "components/overview.html", caller, found, **context)


def _page(request: Request, template: str, caller: Caller, found: ComponentVersion, **context) -> Response:
    context |= {"component": found.component, "version": found, "may_write": caller.can(WRITE.name)}
    return templates.TemplateResponse(request, template, context)
