"""Pages of who has which role in a workspace, and of what each role may do."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.access import queries, service
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import READ, WRITE
from app.access.schemas import UserCreate
from app.errors import AlreadyExists, Invalid, NotFound
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/access")
NAME_HINT = "Up to 100 letters, digits, '.', '_', '@' and '-', a letter or digit first."


@router.get("", dependencies=[allow(READ)])
def people(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, "access/people.html", _context(session, caller))


@router.get("/roles", dependencies=[allow(READ)])
def roles(request: Request, session: SessionDep) -> Response:
    return templates.TemplateResponse(request, "access/roles.html", {"roles": queries.roles(session)})


@router.get("/new", dependencies=[allow(WRITE)])
def new_person(request: Request, session: SessionDep) -> Response:
    return templates.TemplateResponse(request, "access/new.html", _choices(session))


@router.post("/new", dependencies=[allow(WRITE)])
def create_person(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()] = "",
    display_name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
) -> Response:
    filled = {"name": name, "display_name": display_name, "role": role}
    try:
        wanted = UserCreate(**filled, password=password)
        given = queries.get_role(session, wanted.role)
        user = service.create_user(session, wanted.name, wanted.display_name, wanted.password)
    except ValidationError:
        error = Invalid(f"{name!r} is no name. {NAME_HINT}", target="name")
        return refuse(request, session, "access/new.html", error, _choices(session) | {"filled": filled})
    except (Invalid, AlreadyExists, NotFound) as error:
        return refuse(request, session, "access/new.html", error, _choices(session) | {"filled": filled})
    service.assign(session, user, given, caller.workspace.id)
    note(session, "users", user.name, after={"role": given.name})
    return _back(request)


@router.post("/assignments", dependencies=[allow(WRITE)])
def assign(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    user: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
) -> Response:
    try:
        found, given = queries.get_user(session, user.strip()), queries.get_role(session, role)
    except NotFound as error:
        context = _context(session, caller) | {"filled": {"user": user, "role": role}}
        return refuse(request, session, "access/people.html", error, context)
    service.assign(session, found, given, caller.workspace.id)
    note(session, "users", found.name, after={"role": given.name})
    return _back(request)


@router.post("/assignments/{assignment_id}/remove", dependencies=[allow(WRITE)])
def unassign(assignment_id: int, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_assignment(session, caller.workspace.id, assignment_id)
    note(session, "users", found.user.name, before={"role": found.role.name})
    service.remove(session, found)
    return _back(request)


def _context(session: Session, caller: Caller) -> dict:
    return {
        "assignments": queries.assignments(session, caller.workspace.id),
        "roles": queries.roles(session),
        "may_write": caller.can(WRITE.name),
    }


def _choices(session: Session) -> dict:
    return {"roles": queries.roles(session), "name_hint": NAME_HINT}


def _back(request: Request) -> Response:
    return RedirectResponse(request.scope["root_path"] + "/access", 303)
