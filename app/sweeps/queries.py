"""Reads of sweeps and their trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Exists, Select, and_, exists, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.paging import Page
from app.tracking.tables import LatestMetric

SORTS = ("objective", "-objective", "number", "-number")
"""`objective` is the best first, whatever the goal."""

_TRIAL = Job.spec["trial"]


@dataclass(frozen=True)
class Trial:
    """`objective` is the latest value of the primary metric, None where there is none that is a number."""

    job: Job
    number: int
    values: dict[str, Any]
    objective: float | None


class Result(NamedTuple):
    """What plots, measures and decisions need of a trial."""

    id: int
    name: str
    display_name: str
    number: int
    values: dict[str, Any]
    objective: float | None
    status: Status


def open_sweeps(session: Session) -> list[int]:
    return list(session.scalars(select(Job.id).where(*_open()).order_by(Job.id)))


def is_any_open() -> Exists:
    return exists().where(*_open())


def _open() -> tuple[ColumnElement[bool], ...]:
    return Job.status.in_((Status.RUNNING, Status.CANCEL_REQUESTED)), Job.type == "sweep"


def _of(sweep: Job, *columns: Any) -> Select:
    """Columns of a sweep's trials."""
    if sweep.type != "sweep":
        raise Invalid(f"name: job {sweep.name} is a {sweep.type} job and has no trials.", target="name")
    metric = sweep.spec["sweep"]["objective"]["primary_metric"]
    of_metric = and_(LatestMetric.job_id == Job.id, LatestMetric.key == metric)
    found = select(*columns).select_from(Job).outerjoin(LatestMetric, of_metric)
    return found.where(Job.parent_id == sweep.id, _TRIAL["number"].as_integer().is_not(None))


def _ordered(sweep: Job, found: Select, sort: str) -> Select:
    if sort not in SORTS:
        raise Invalid(f"sort: {sort!r} is not one of {', '.join(SORTS)}.", target="sort")
    # Rows are made in the order of their numbers.
    if sort == "number":
        return found.order_by(Job.id)
    if sort == "-number":
        return found.order_by(Job.id.desc())
    is_rising = (sweep.spec["sweep"]["objective"]["goal"] == "minimize") == (sort == "objective")
    value = LatestMetric.value
    return found.order_by(value.is_(None), value.asc() if is_rising else value.desc(), Job.id)


def _trial(job: Job, objective: float | None) -> Trial:
    return Trial(job, job.spec["trial"]["number"], job.spec["trial"]["values"], objective)


def page(session: Session, sweep: Job, *, sort: str = "objective", number: int = 1, size: int = 50) -> Page:
    total = session.scalar(_of(sweep, func.count(Job.id)))
    found = _ordered(sweep, _of(sweep, Job, LatestMetric.value), sort)
    rows = session.execute(found.offset((number - 1) * size).limit(size))
    return Page([_trial(*row) for row in rows], total, number, size)


def results(session: Session, sweep: Job) -> list[Result]:
    """Of all trials, at most a thousand, by number, without the rest of their rows."""
    columns = Job.id, Job.name, Job.display_name, _TRIAL, LatestMetric.value, Job.status
    rows = session.execute(_of(sweep, *columns).order_by(Job.id))
    return [
        Result(job_id, name, title, trial["number"], trial["values"], objective, status)
        for job_id, name, title, trial, objective, status in rows
    ]


def counts(session: Session, sweep: Job) -> dict[Status, int]:
    """How many trials are in each state that any is in."""
    return dict(session.execute(_of(sweep, Job.status, func.count(Job.id)).group_by(Job.status)).all())


def best(session: Session, sweep: Job) -> Trial | None:
    """The best of the trials that ended by themselves, the earlier of equals."""
    found = _of(sweep, Job, LatestMetric.value).where(Job.status == Status.COMPLETED, LatestMetric.value.is_not(None))
    row = session.execute(_ordered(sweep, found, "objective").limit(1)).first()
    return _trial(*row) if row else None


def measured(found: Sequence[Result]) -> list[tuple[dict[str, Any], float]]:
    """Parameters and objective of those that ended by themselves with one."""
    return [
        (result.values, result.objective)
        for result in found
        if result.status is Status.COMPLETED and result.objective is not None
    ]
