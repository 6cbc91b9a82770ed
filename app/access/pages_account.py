"""The page of one's own account: who one is, and a new password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import service
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ, OWN_ACCOUNT_WRITE
from app.errors import Invalid
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/account")


@router.get("", dependencies=[allow(OWN_ACCOUNT_READ)])
def account(request: Request, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, "access/account.html", {})


@router.post("/password", dependencies=[allow(OWN_ACCOUNT_WRITE)])
def change_password(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    current_password: Annotated[str, Form()] = "",
    new_password: Annotated[str, Form()] = "",
    repeated: Annotated[str, Form()] = "",
) -> Response:
    """Every sign-in ends with the old password, this one too."""
    if new_password != repeated:
        error = Invalid("This is not the same as the new password.", target="repeated")
        return refuse(request, session, "access/account.html", error, {})
    try:
        service.change_password(session, caller.user.id, current_password, new_password)
    except Invalid as error:
        # The service names the field of its own interface, which this form calls by what the person reads.
        error.target = "new_password" if error.target == "password" else error.target
        return refuse(request, session, "access/account.html", error, {})
    note(session, "users", caller.user.name, after={"password": "changed"})
    return RedirectResponse("/sign-in", 303)
