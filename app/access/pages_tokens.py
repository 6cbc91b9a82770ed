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
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
LIVES = [("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "Until it is revoked")]


@router.get("/account/tokens", dependencies=[allow(OWN_ACCOUNT_READ)])
def tokens(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _page(request, session, caller)


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
    filled = {"name": name, "days": days}
    if days not in dict(LIVES):
        return _page(request, session, caller, 400, errors={"days": "Choose one of the lifetimes."}, filled=filled)
    if len(name) > 100:
        errors = {"name": f"A name has up to 100 characters; this has {len(name)}."}
        return _page(request, session, caller, 400, errors=errors, filled=filled)
    try:
        user = session.get_one(User, caller.user.id)
        token, plain = service.create_token(session, user, name, days=int(days) if days else None)
    except Invalid as error:
        return _page(request, session, caller, 400, errors={error.target: error.message}, filled=filled)
    note(session, "tokens", token.name)
    return _page(request, session, caller, 201, made=token, secret=plain)


@router.post("/account/tokens/{token_id}/revoke", dependencies=[allow(OWN_ACCOUNT_WRITE)])
def revoke_token(token_id: int, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    token = queries.get_token(session, caller.user.id, token_id)
    service.revoke_token(session, token)
    note(session, "tokens", token.name, after={"revoked": True})
    return RedirectResponse(request.scope["root_path"] + "/account/tokens", 303)


def _page(request: Request, session: Session, caller: Caller, status: int = 200, **context) -> Response:
    context |= {"tokens": queries.tokens(session, caller.user.id), "lives": LIVES}
    headers = {"Cache-Control": "no-store"}
    return templates.TemplateResponse(request, "access/tokens.html", context, status_code=status, headers=headers)
