"""REST for alert rules."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.access.guard import CallerDep, allow, note
from app.alerts import queries, service
from app.alerts.schemas import RuleChange, RuleCreate, RuleRead
from app.notifications.permissions import READ, WRITE
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/alerts", tags=["alerts"])


@router.get("", response_model=Listing[RuleRead], dependencies=[allow(READ)])
def rules(
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    sort: str = "-updated",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    found = queries.page(session, caller.workspace.id, text=text, sort=sort, number=page, size=size)
    may_write = caller.can(WRITE.name)
    return listing(found, [RuleRead.of(rule, may_write=may_write) for rule in found.rows])


@router.post("", status_code=201, response_model=RuleRead, dependencies=[allow(WRITE)])
def create(new: RuleCreate, session: SessionDep, caller: CallerDep) -> RuleRead:
    """Tell somebody by mail or webhook when something happens to runs; once a run."""
    rule = service.create(session, caller.workspace.id, new.model_dump(), created_by=caller.user.name)
    note(session, "alerts", rule.name, after=service.said(rule))
    return RuleRead.of(rule, may_write=True)


@router.get("/{rule_id}", response_model=RuleRead, dependencies=[allow(READ)])
def read(rule_id: int, session: SessionDep, caller: CallerDep) -> RuleRead:
    return RuleRead.of(queries.get(session, caller.workspace.id, rule_id), may_write=caller.can(WRITE.name))


@router.patch("/{rule_id}", response_model=RuleRead, dependencies=[allow(WRITE)])
def change(rule_id: int, change: RuleChange, session: SessionDep, caller: CallerDep) -> RuleRead:
    """What is left out stays; `{"muted": true}` keeps the rule and lets it rest."""
    rule = queries.get(session, caller.workspace.id, rule_id)
    before = service.said(rule)
    service.change(session, rule, change.model_dump(exclude_unset=True))
    note(session, "alerts", rule.name, before=before, after=service.said(rule))
    return RuleRead.of(rule, may_write=True)


@router.delete("/{rule_id}", status_code=204, dependencies=[allow(WRITE)])
def delete(rule_id: int, session: SessionDep, caller: CallerDep) -> None:
    rule = queries.get(session, caller.workspace.id, rule_id)
    note(session, "alerts", rule.name, before=service.said(rule))
    service.remove(session, rule)


@router.post("/{rule_id}/test", status_code=202, dependencies=[allow(WRITE)])
def test(rule_id: int, session: SessionDep, caller: CallerDep) -> dict:
    """Send a message to each receiver; what became of it is in `/api/deliveries`."""
    rule = queries.get(session, caller.workspace.id, rule_id)
    sent = service.test(session, rule)
    note(session, "alerts", rule.name, after={"tested": len(sent)})
    return {"deliveries": [delivery.id for delivery in sent]}
