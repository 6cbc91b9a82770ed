"""The page of the workers: what they have and how busy they are."""

from fastapi import APIRouter, Request, Response

from app.access.guard import allow
from app.compute import queries
from app.compute.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(include_in_schema=False)


@router.get("/compute", dependencies=[allow(READ)])
def compute(request: Request, session: SessionDep) -> Response:
    return templates.TemplateResponse(request, "compute/list.html", _context(request, session))


@router.get("/compute/_workers", dependencies=[allow(READ)])
def workers_fragment(request: Request, session: SessionDep) -> Response:
    return templates.TemplateResponse(request, "compute/_workers.html", _context(request, session))


def _context(request: Request, session: SessionDep) -> dict:
    return {"workers": queries.working(session), "config": request.app.state.settings.home / "atelier.toml"}
