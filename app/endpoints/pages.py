"""Pages of online endpoints: the list of them, and what other pages show of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.endpoints import (
    pages_changes,
    pages_deployment,
    pages_endpoint,
    pages_new,
    pages_scaling,
    pages_test,
    pages_trial,
    pages_uses,
    queries,
    standing,
)
from app.endpoints.permissions import READ, WRITE
from app.models import queries as models
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/endpoints", include_in_schema=False)


@router.get("", dependencies=[allow(READ)])
def endpoints(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    sort: str = "name",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    found = queries.page(session, caller.workspace.id, text=text.strip(), sort=sort, number=page, size=25)
    states = {endpoint.id: standing.overall(endpoint) for endpoint in found.rows}
    context = {
        "page": found,
        "states": states,
        "is_settled": all(state in (*standing.SETTLED, None) for state in states.values()),
        "narrowed": bool(text.strip()),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "endpoints/list.html", context)


@router.get("/_serving", dependencies=[allow(READ)])
def serving_fragment(
    request: Request, session: SessionDep, caller: CallerDep, model: str, version: str | None = None
) -> Response:
    """The deployments that serve a model, or one version of it."""
    found = models.get(session, caller.workspace.id, model)
    wanted = [models.get_version(session, caller.workspace.id, model, version)] if version else None
    ids = [item.id for item in wanted or models.all_versions(session, found)]
    context = {"standings": [standing.of(session, item) for item in queries.serving_model(session, ids)]}
    context |= {"model": model, "version": version, "may_write": caller.can(WRITE.name)}
    return templates.TemplateResponse(request, "endpoints/_serving.html", context)


# Before the pages of one endpoint, whose {name} would also match its address.
include(router, pages_new.router)
include(router, pages_uses.router)
include(router, pages_changes.router)
include(router, pages_deployment.router)
include(router, pages_scaling.router)
include(router, pages_test.router)
include(router, pages_trial.router)
include(router, pages_endpoint.router)
