"""Pages of registered models: the list, and a model with its versions."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.models import pages_changes, pages_new, pages_uses, pages_version, queries
from app.models.permissions import READ, WRITE
from app.web.paging import AssetsShownQuery
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/models", include_in_schema=False)
# Before the pages below, whose {name} would also match their addresses.
include(router, pages_new.router)
include(router, pages_uses.router)


@router.get("", dependencies=[allow(READ)])
def models(request: Request, session: SessionDep, caller: CallerDep, asked: AssetsShownQuery) -> Response:
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    context = {
        "page": found,
        "aliases": queries.aliases(session, [model.id for model, _ in found.rows]),
        "narrowed": asked.is_narrowed,
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "models/list.html", context)


@router.get("/{name}", dependencies=[allow(READ)])
def model(
    name: str, request: Request, session: SessionDep, caller: CallerDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    found = queries.get(session, caller.workspace.id, name)
    versions = queries.versions(session, found, number=page, size=25)
    by_version: dict[int, list[str]] = {}
    for alias, number in queries.aliases(session, [found.id]).get(found.id, []):
        by_version.setdefault(number, []).append(alias)
    context = {
        "model": found,
        "page": versions,
        "newest": queries.MODELS.newest(session, [found.id]).get(found.id),
        "aliases": by_version,
        "jobs": queries.job_names(session, versions.rows),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "models/model.html", context)


include(router, pages_version.router)
include(router, pages_changes.router)
