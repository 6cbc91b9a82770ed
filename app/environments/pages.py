"""Pages of environments: the list, and one version with its packages, build log, versions and users."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.environments import builds, catalog, pages_changes, pages_images, queries, standing
from app.environments.catalog import Entry
from app.environments.permissions import READ, WRITE
from app.environments.specification import digest
from app.kit.storage import store
from app.web.paging import AssetsShownQuery
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/environments", include_in_schema=False)
# Before the pages below, whose {name} would also match their addresses.
include(router, pages_changes.router)
include(router, pages_images.router)
VERSION = "/{name}/versions/{version}"


@router.get("", dependencies=[allow(READ)])
def environments(request: Request, session: SessionDep, caller: CallerDep, asked: AssetsShownQuery) -> Response:
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    root = request.app.state.settings.environments_folder
    own = [
        (environment, version, standing.of(session, _entry(caller, version).spec(session), root))
        for environment, version in found.rows
        if version
    ]
    kept = [(entry.read(), entry.standing(session, root)) for entry in catalog.curated_entries(caller.workspace.id)]
    context = {"page": found, "own": own, "curated": kept, "narrowed": asked.is_narrowed}
    return templates.TemplateResponse(
        request, "environments/list.html", context | {"may_write": caller.can(WRITE.name)}
    )


@router.get("/{name}", dependencies=[allow(READ)])
def newest(name: str, request: Request, session: SessionDep, caller: CallerDep, text: str = "") -> Response:
    return _overview(request, session, caller, catalog.get(session, caller.workspace.id, name), text)


@router.get(VERSION, dependencies=[allow(READ)])
def overview(
    name: str, version: str, request: Request, session: SessionDep, caller: CallerDep, text: str = ""
) -> Response:
    return _overview(request, session, caller, catalog.get(session, caller.workspace.id, name, version), text)


@router.get(VERSION + "/log", dependencies=[allow(READ)])
def log(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """The log of the newest build, live while it is built."""
    found = catalog.get(session, caller.workspace.id, name, version)
    has_log = store().size(builds.log_key(digest(found.spec(session)))) is not None
    return _page(request, session, "environments/log.html", caller, found, has_log=has_log)


@router.get(VERSION + "/definition", dependencies=[allow(READ)])
def definition(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """The file as it was sent, and what is built of it."""
    found = catalog.get(session, caller.workspace.id, name, version)
    return _page(request, session, "environments/definition.html", caller, found, spec=found.spec(session))


@router.get(VERSION + "/uses", dependencies=[allow(READ)])
def uses(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = catalog.get(session, caller.workspace.id, name, version)
    return _page(request, session, "environments/uses.html", caller, found)


@router.get("/{name}/versions", dependencies=[allow(READ)])
def versions(
    name: str, request: Request, session: SessionDep, caller: CallerDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    found = catalog.get(session, caller.workspace.id, name)
    rows = None
    if found.registered:
        rows = queries.versions(session, found.registered.environment, number=page, size=25)
    return _page(request, session, "environments/versions.html", caller, found, page=rows)


def _entry(caller: Caller, version) -> Entry:
    return Entry(caller.workspace.id, version.environment.name, version.version, version)


def _overview(request: Request, session: Session, caller: Caller, found: Entry, text: str) -> Response:
    return _page(request, session, "environments/overview.html", caller, found, text=text.strip().lower())


def _page(request: Request, session: Session, template: str, caller: Caller, found: Entry, **context) -> Response:
    built = found.standing(session, request.app.state.settings.environments_folder)
    wanted = context.pop("text", "")
    context |= {
        "entry": found,
        "version": found.read(),
        "stands_in_for": found.stands_in_for,
        "built": built,
        "packages": [item for item in built.packages if wanted in item[0].lower()],
        "may_write": caller.can(WRITE.name) and found.registered is not None,
    }
    return templates.TemplateResponse(request, template, context)
