"""Pages of one's own access tokens: list, make (the secret is shown once), revoke."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.access import queries, service
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ, OWN_ACCOUNT_WRITE
from app.access.tables import User
from app.errors import Invalid
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
PAGE = "access/tokens.html"
LIVES = [("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "Until it is revoked")]


@router.get("/account/tokens", dependencies=[allow(OWN_ACCOUNT_READ)])
def tokens(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, PAGE, _context(session, caller))


@router.get("/tokens", dependencies=[allow(OWN_ACCOUNT_READ)])
def tokens_short(request: Request) -> Response:
    return RedirectResponse(request.scope["root_path"] + "/account/tokens", 303)


@router.post("/account/tokens", dependencies=[allow(OWN_ACCOUNT_WRITE)])
def create_token(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "",
) -> Response:
    """Answers with the page itself: the secret exists only in this answer."""
    user = session.get_one(User, caller.user.id)
    try:
        _check(name, days)
        token, plain = service.create_token(session, user, name, days=int(days) if days else None)
    except Invalid as error:
        context = _context(session, caller) | {"filled": {"name": name, "days": days}}
        return refuse(request, session, PAGE, error, context)
    note(session, "tokens", token.name)
    context = _context(session, caller) | {"made": token, "secret": plain}
    return templates.TemplateResponse(request, PAGE, context, status_code=201, headers={"Cache-Control": "no-store"})


def _check(name: str, days: str) -> None:
    if days not in dict(LIVES):
        raise Invalid("Choose one of the lifetimes.", target="days")
    if len(name) > 100:
        raise Invalid(f"A name has up to 100 characters; this has {len(name)}.", target="name")


@router.post("/account/tokens/{token_id}/revoke", dependencies=[allow(OWN_ACCOUNT_WRITE)])
def revoke_token(token_id: int, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    token = queries.get_token(session, caller.user.id, token_id)
    service.revoke_token(session, token)
    note(session, "tokens", token.name, after={"revoked": True})
    return RedirectResponse(request.scope["root_path"] + "/account/tokens", 303)


def _context(session: Session, caller: Caller) -> dict:
    return {"tokens": queries.tokens(session, caller.user.id), "lives": LIVES}
