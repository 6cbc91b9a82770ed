"""The page on which one goes to another workspace, or makes one."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.access import queries
from app.access.caller import Caller, covers
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ
from app.errors import AlreadyExists, Conflict, Invalid
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates
from app.workspaces import service
from app.workspaces.permissions import WRITE
from app.workspaces.routes import visible

router = APIRouter(prefix="/workspaces", include_in_schema=False)
LIST = "workspaces/list.html"


@router.get("", dependencies=[allow(OWN_ACCOUNT_READ)])
def workspaces(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, LIST, _context(session, caller))


@router.post("", dependencies=[allow(WRITE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()] = "",
    display_name: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
) -> Response:
    filled = {"name": name, "display_name": display_name, "description": description}
    try:
        made = service.create(session, **filled, created_by=caller.user.name)
    except (Invalid, AlreadyExists) as error:
        return refuse(request, session, LIST, error, _context(session, caller) | {"filled": filled})
    note(session, "workspaces", made.name, after=filled)
    return RedirectResponse(url_for_workspace(made.name, "/"), 303)


@router.post("/{name}/delete", dependencies=[allow(WRITE)])
def delete(
    name: str, request: Request, session: SessionDep, caller: CallerDep, all_resources: Annotated[bool, Form()] = False
) -> Response:
    found = visible(session, caller, name)
    try:
        service.delete(session, found, all_resources=all_resources)
    except Conflict as error:
        return refuse(request, session, LIST, error, _context(session, caller) | {"refused": error.message})
    note(session, "workspaces", name, before={"display_name": found.display_name}, after={"deleted": True})
    return RedirectResponse("/workspaces", 303)


def _context(session: Session, caller: Caller) -> dict:
    return {
        "workspaces": [found for found in queries.workspaces(session) if caller.user.actions_in(found.id)],
        "may_create": covers(caller.user.actions_in(None), WRITE.name),
        "address_of": url_for_workspace,
    }
