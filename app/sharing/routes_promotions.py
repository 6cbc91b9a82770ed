"""REST for requests to registries that ask for approval."""

from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session

from app.access.guard import CallerDep, allow, note
from app.registries import queries
from app.registries.permissions import MANAGE, READ, SHARE
from app.sharing import kinds, promotions
from app.sharing.schemas import Asked, Decision, PromotionRead
from app.sharing.tables import Promotion, State
from app.web.paging import Listing, PageNumber, PageSize, listing
from app.web.session import SessionDep

router = APIRouter()
REQUESTS = "/{registry}/requests"
ONE = REQUESTS + "/{request_id}"


@router.get(REQUESTS, response_model=Listing[PromotionRead], dependencies=[allow(READ)])
def requests(
    registry: str, session: SessionDep, state: State | None = None, page: PageNumber = 1, size: PageSize = 50
) -> dict:
    """Newest first."""
    found = promotions.page(session, queries.get(session, registry), state, number=page, size=size)
    return listing(found, [PromotionRead.of(row) for row in found.rows])


@router.post(REQUESTS, status_code=201, response_model=PromotionRead, dependencies=[allow(SHARE)])
def ask(registry: str, new: Asked, session: SessionDep, caller: CallerDep) -> PromotionRead:
    """Ask the managers of a registry to take in a version of this workspace."""
    made = promotions.ask(session, caller, queries.get(session, registry), new)
    note(session, "registries", registry, after=told(made))
    return PromotionRead.of(made)


@router.post(ONE + "/approve", response_model=PromotionRead, dependencies=[allow(MANAGE)])
def approve(registry: str, request_id: int, said: Decision, session: SessionDep, caller: CallerDep) -> PromotionRead:
    """Copy the version in, as it is now: versions do not change."""
    return PromotionRead.of(decide(session, caller, registry, request_id, True, said.comment))


@router.post(ONE + "/refuse", response_model=PromotionRead, dependencies=[allow(MANAGE)])
def refuse(registry: str, request_id: int, said: Decision, session: SessionDep, caller: CallerDep) -> PromotionRead:
    return PromotionRead.of(decide(session, caller, registry, request_id, False, said.comment))


@router.post(ONE + "/withdraw", response_model=PromotionRead, dependencies=[allow(SHARE)])
def withdraw(registry: str, request_id: int, session: SessionDep, caller: CallerDep) -> PromotionRead:
    """By whoever asked."""
    found = promotions.get(session, queries.get(session, registry), request_id)
    promotions.withdraw(session, caller, found)
    note(session, "registries", registry, after=told(found))
    return PromotionRead.of(found)


def decide(session: Session, caller: Any, registry: str, request_id: int, approved: bool, comment: str) -> Promotion:
    found = promotions.get(session, queries.get(session, registry), request_id)
    (promotions.approve if approved else promotions.refuse)(session, caller, found, comment)
    note(session, "registries", registry, before={"state": State.PENDING.value}, after=told(found))
    return found


def told(found: Promotion) -> dict[str, Any]:
    """What audit records say of a request."""
    named = kinds.address(found.place.name, found.kind, found.share_with_name, found.share_with_version)
    origin = f"{found.workspace.name}: {found.kind}/{found.name}:{found.version}"
    return {"request": found.id, "state": found.state.value, "from": origin, "to": named, "comment": found.comment}
