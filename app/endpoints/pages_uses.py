"""The deployments that run in an environment, as a part of its page."""

from fastapi import APIRouter, Request, Response

from app.access.guard import CallerDep, allow
from app.endpoints import queries
from app.endpoints.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()


@router.get("/_uses", dependencies=[allow(READ)])
def uses(request: Request, session: SessionDep, caller: CallerDep, name: str, version: str | None = None) -> Response:
    found = queries.in_environment(session, caller.workspace.id, name, version)
    context = {"deployments": found, "name": name, "version": version, "most": queries.MOST_USES}
    return templates.TemplateResponse(request, "endpoints/_uses.html", context)
