"""Pages of requests to registries: who asked for what, and the forms that decide."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.registries import queries
from app.registries.permissions import MANAGE, READ, SHARE
from app.sharing import promotions, routes_promotions
from app.sharing.tables import State
from app.web.addressing import url_for_workspace
from app.web.paging import PageNumber
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
REQUESTS = "/{registry}/requests"
ONE = REQUESTS + "/{request_id}"
Comment = Annotated[str, Form(max_length=2000)]


@router.get(REQUESTS, dependencies=[allow(READ)])
def requests(
    registry: str, request: Request, session: SessionDep, caller: CallerDep, state: str = "", page: PageNumber = 1
) -> Response:
    place = queries.get(session, registry)
    wanted = State(state) if state in list(State) else None
    context = {
        "registry": place,
        "page": promotions.page(session, place, wanted, number=page, size=25),
        "states": [one.value for one in State],
        "waiting": promotions.waiting(session, place),
        "may_manage": promotions.may_manage(caller),
    }
    return templates.TemplateResponse(request, "registries/requests.html", context)


@router.post(ONE + "/approve", dependencies=[allow(MANAGE)])
def approve(registry: str, request_id: int, session: SessionDep, caller: CallerDep, comment: Comment = "") -> Response:
    routes_promotions.decide(session, caller, registry, request_id, True, comment)
    return to(caller, registry)


@router.post(ONE + "/refuse", dependencies=[allow(MANAGE)])
def refuse(registry: str, request_id: int, session: SessionDep, caller: CallerDep, comment: Comment = "") -> Response:
    routes_promotions.decide(session, caller, registry, request_id, False, comment)
    return to(caller, registry)


@router.post(ONE + "/withdraw", dependencies=[allow(SHARE)])
def withdraw(registry: str, request_id: int, session: SessionDep, caller: CallerDep) -> Response:
    found = promotions.get(session, queries.get(session, registry), request_id)
    promotions.withdraw(session, caller, found)
    note(session, "registries", registry, after=routes_promotions.told(found))
    return to(caller, registry)


def to(caller: Caller, registry: str) -> Response:
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/registries/{registry}/requests"), 303)
