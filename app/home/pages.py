"""The home of a workspace: what runs, what failed, what is there; and the page of the kit's parts."""

from fastapi import APIRouter, Request, Response

from app.access.guard import CallerDep, allow
from app.home import overview, pages_python
from app.jobs.permissions import WRITE
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates
from app.workspaces.permissions import READ

router = APIRouter(include_in_schema=False)
include(router, pages_python.router)


@router.get("/", dependencies=[allow(READ)])
def home(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    context = {"seen": overview.of(session, caller), "may_submit": caller.can(WRITE.name)}
    return templates.TemplateResponse(request, "home/home.html", context)


@router.get("/_now", dependencies=[allow(READ)])
def now_fragment(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, "home/_now.html", {"seen": overview.of(session, caller)})


@router.get("/style", dependencies=[allow(READ)])
def style(request: Request) -> Response:
    """Every part of the kit on one page."""
    return templates.TemplateResponse(request, "style.html", {})
