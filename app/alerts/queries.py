"""Reads of alert rules."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, Select, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from app.alerts.tables import AlertFiring, AlertRule, EndpointFiring
from app.errors import NotFound
from app.jobs.lifecycle import FINAL
from app.jobs.tables import Job
from app.kit.paging import Page, ordering, paginate
from app.tracking.search import narrow

SORTS = {"name": AlertRule.name, "created": AlertRule.created_at, "updated": AlertRule.updated_at}


def get(session: Session, workspace_id: int, rule_id: int) -> AlertRule:
    # What is no 32-bit number is no id, and PostgreSQL would not even compare it.
    found = session.get(AlertRule, rule_id) if rule_id < 2**31 else None
    if found is None or found.workspace_id != workspace_id:
        raise NotFound(f"There is no alert {rule_id} in this workspace.", target="id")
    return found


def page(
    session: Session, workspace_id: int, *, text: str = "", sort: str = "-updated", number: int = 1, size: int = 50
) -> Page:
    order = ordering(sort, SORTS)
    found = select(AlertRule).where(AlertRule.workspace_id == workspace_id)
    if text:
        found = found.where(AlertRule.name.icontains(text, autoescape=True))
    return paginate(session, found.order_by(order, AlertRule.id.desc()), number, size)


def last_fired(session: Session, rules: Sequence[AlertRule]) -> dict[int, tuple[int, datetime]]:
    """Of how many runs, or how often of endpoints, each rule has told, and when last."""
    ids = [rule.id for rule in rules]
    found: dict[int, tuple[int, datetime]] = {}
    for table, count in ((AlertFiring, func.count()), (EndpointFiring, func.sum(EndpointFiring.times))):
        of_rules = select(table.rule_id, count, func.max(table.at)).where(table.rule_id.in_(ids))
        found |= {rule_id: (count, at) for rule_id, count, at in session.execute(of_rules.group_by(table.rule_id))}
    return found


def awake(session: Session, *on: str) -> Sequence[AlertRule]:
    """The rules of all workspaces that wait for one of some occasions."""
    return session.scalars(select(AlertRule).where(*_awake(on))).all()


def is_any_awake(*on: str) -> Exists:
    return exists().where(*_awake(on))


def _awake(on: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return AlertRule.on.in_(on), AlertRule.muted.is_(False)


def of_job(session: Session, job: Job, occasions: Sequence[str]) -> Sequence[AlertRule]:
    """The rules in whose scope a run is, but for their filters."""
    found = select(AlertRule).where(
        AlertRule.workspace_id == job.workspace_id,
        AlertRule.on.in_(occasions),
        AlertRule.muted.is_(False),
        or_(AlertRule.experiment_id.is_(None), AlertRule.experiment_id == job.experiment_id),
        or_(AlertRule.job_id.is_(None), AlertRule.job_id == job.id),
    )
    return session.scalars(found).all()


def in_scope(rule: AlertRule, found: Select) -> Select:
    """Those of the selected jobs that a rule is about and has not told of; raises Invalid for a wrong filter."""
    told = exists().where(AlertFiring.rule_id == rule.id, AlertFiring.job_id == Job.id)
    found = found.where(Job.workspace_id == rule.workspace_id, Job.lifecycle_stage == "active", not_(told))
    if rule.experiment_id is not None:
        found = found.where(Job.experiment_id == rule.experiment_id)
    if rule.job_id is not None:
        found = found.where(Job.id == rule.job_id)
    return narrow(found, rule.filter)


def going_on(found: Select, since: datetime) -> Select:
    """Those of the selected jobs that have not ended, or did after `since`."""
    return found.where(or_(Job.status.not_in(FINAL), Job.ended_at >= since))
