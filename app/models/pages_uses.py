"""The models that jobs in an environment made, as a part of its page."""

from fastapi import APIRouter, Request, Response

from app.access.guard import CallerDep, allow
from app.models import queries
from app.models.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()


@router.get("/_uses", dependencies=[allow(READ)])
def uses(request: Request, session: SessionDep, caller: CallerDep, name: str, version: str | None = None) -> Response:
    found = queries.made_in(session, caller.workspace.id, name, version)
    context = {"versions": found, "name": name, "version": version, "most": queries.MOST_USES}
    return templates.TemplateResponse(request, "models/_uses.html", context)
