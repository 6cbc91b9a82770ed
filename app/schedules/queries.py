"""Reads of schedules."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import Exists, exists, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.kit.clock import now
from app.kit.paging import Page
from app.schedules.tables import Schedule, ScheduleRun
from app.schedules.triggers import occurrences

SORTS = {
    "name": Schedule.name,
    "next": Schedule.next_at,
    "created": Schedule.created_at,
    "updated": Schedule.updated_at,
}


def find(session: Session, workspace_id: int, name: str) -> Schedule | None:
    return session.scalar(select(Schedule).where(Schedule.workspace_id == workspace_id, Schedule.name == name))


def get(session: Session, workspace_id: int, name: str) -> Schedule:
    schedule = find(session, workspace_id, name)
    if schedule is None:
        raise NotFound(f"There is no schedule {name!r}.", target="name")
    return schedule


def page(
    session: Session,
    workspace_id: int,
    *,
    text: str = "",
    enabled: bool | None = None,
    sort: str = "name",
    number: int = 1,
    size: int = 50,
) -> Page:
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise Invalid(f"sort: {sort!r} is not one of {', '.join(SORTS)}, with '-' for falling.", target="sort")
    found = select(Schedule).where(Schedule.workspace_id == workspace_id)
    if text:
        found = found.where(Schedule.name.icontains(text, autoescape=True))
    if enabled is not None:
        found = found.where(Schedule.is_enabled.is_(enabled))
    total = session.scalar(found.with_only_columns(func.count(Schedule.id)))
    order = column.desc().nulls_last() if sort.startswith("-") else column.asc().nulls_last()
    rows = found.order_by(order, Schedule.id).offset((number - 1) * size).limit(size)
    return Page(session.scalars(rows).all(), total, number, size)


def runs(session: Session, schedule: Schedule, *, number: int = 1, size: int = 25) -> Page:
    """Newest first."""
    found = select(ScheduleRun).where(ScheduleRun.schedule_id == schedule.id)
    total = session.scalar(found.with_only_columns(func.count(ScheduleRun.id)))
    rows = found.order_by(ScheduleRun.id.desc()).offset((number - 1) * size).limit(size)
    return Page(session.scalars(rows).all(), total, number, size)


def last_runs(session: Session, schedules: Sequence[Schedule]) -> dict[int, ScheduleRun]:
    """The newest run of each, by the schedule's id."""
    newest = select(func.max(ScheduleRun.id)).where(ScheduleRun.schedule_id.in_([row.id for row in schedules]))
    found = select(ScheduleRun).where(ScheduleRun.id.in_(newest.group_by(ScheduleRun.schedule_id)))
    return {run.schedule_id: run for run in session.scalars(found)}


def coming(schedule: Schedule, count: int = 5) -> list[datetime]:
    """The next moments at which it is due, in UTC; none while it is disabled."""
    if schedule.next_at is None:
        return []
    found = occurrences(schedule.when, schedule.created_at, max(schedule.next_at, now()))
    return [schedule.next_at, *islice(found, count - 1)]


def is_any_due(at: datetime) -> Exists:
    return exists().where(Schedule.next_at <= at)


def due(session: Session, at: datetime, most: int = 100) -> list[int]:
    found = select(Schedule.id).where(Schedule.next_at <= at).order_by(Schedule.next_at)
    return list(session.scalars(found.limit(most)))
