"""Pages for signing in and out; the pages of account, tokens and people hang below."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.access import pages_account, pages_people, pages_tokens, queries, service
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.identity import COOKIE
from app.access.permissions import SIGN_IN
from app.errors import Unauthenticated
from app.settings import Settings
from app.web.addressing import url_for_workspace
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(include_in_schema=False)
for part in (pages_account, pages_tokens, pages_people):
    include(router, part.router)

# A second slash or a backslash would lead a browser to another host.
LOCAL = re.compile(r"/(?![/\\])[^\\\s]*")
FRAGMENT = re.compile(r"/_[^/]*$")


@router.get("/sign-in", dependencies=[allow(SIGN_IN)])
def sign_in_page(request: Request, session: SessionDep, caller: CallerDep, next: str = "") -> Response:
    if caller:
        return RedirectResponse(local_page(next) or _first_page(session, caller), 303)
    return _form(request, next=local_page(next))


@router.post("/sign-in", dependencies=[allow(SIGN_IN)])
def sign_in(
    request: Request,
    session: SessionDep,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    filled = {"name": name.strip(), "next": local_page(next)}
    if not filled["name"] or not password:
        errors = {} if filled["name"] else {"name": "Say who you are: the name of your account."}
        errors |= {} if password else {"password": "The password is missing."}
        return _form(request, 400, errors=errors, **filled)
    settings = request.app.state.settings
    try:
        secret = service.sign_in(session, filled["name"], password, settings.session_days)
    except Unauthenticated as error:
        service.note_failure(session, filled["name"])
        note(session, "users", filled["name"][:200], after={"signed_in": False})
        return _form(request, 401, errors={error.target: error.message}, **filled)
    note(session, "users", filled["name"], after={"signed_in": True})
    return _welcome(settings, secret, filled["next"])


@router.get("/sign-in/link", dependencies=[allow(SIGN_IN)])
def link_page(request: Request, caller: CallerDep, token: str = "") -> Response:
    """A page with a button, because programs that preview links follow them with GET and would use them up."""
    return templates.TemplateResponse(request, "access/link.html", {"token": token})


@router.post("/sign-in/link", dependencies=[allow(SIGN_IN)])
def use_link(request: Request, session: SessionDep, token: Annotated[str, Form()] = "") -> Response:
    settings = request.app.state.settings
    try:
        secret = service.use_link(session, token, settings.session_days)
    except Unauthenticated as error:
        return _form(request, 401, message=error.message)
    note(session, "users", session.info["actor"], after={"signed_in": True, "with": "link"})
    return _welcome(settings, secret, "")


@router.post("/sign-out", dependencies=[allow(SIGN_IN)])
def sign_out(session: SessionDep, caller: CallerDep) -> Response:
    if caller and caller.user.session_id:
        service.end_session(session, caller.user.session_id)
        note(session, "users", caller.user.name, after={"signed_in": False})
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def local_page(address: str) -> str:
    """An address on this server that holds a page; empty for one that leads away, or only to the front door."""
    return FRAGMENT.sub("", address).rstrip("/") if LOCAL.fullmatch(address) else ""


def _first_page(session: Session, caller: Caller) -> str:
    """Home of the default workspace, or of the first one that is open to the caller."""
    if caller.workspace:
        return url_for_workspace(caller.workspace.name, "/")
    known = queries.workspaces(session)
    name = next((found.name for found in known if caller.user.actions_in(found.id)), None)
    return url_for_workspace(name, "/") if name else "/workspaces"


def _form(request: Request, status: int = 200, **context) -> Response:
    return templates.TemplateResponse(request, "access/sign_in.html", context, status_code=status)


def _welcome(settings: Settings, secret: str, next: str) -> Response:
    # The rights of who has just signed in are known from the next request on, which then picks the workspace.
    answer = RedirectResponse(next or "/sign-in", 303)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=settings.session_days * 86400,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )
    return answer
