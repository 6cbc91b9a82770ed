"""The names of metrics that runs have: searched, counted by what stands before their first slash, and paged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.kit.paging import Page, paginate
from app.tracking.metrics import Latest
from app.tracking.tables import LatestMetric

MOST_GROUPS = 100
SYSTEM = "system/"
"""Before the names of what MLflow measures of the machine."""


@dataclass(frozen=True)
class Wanted:
    """Which names: each word of `text` is in them, `group` (such as `train/`) is before them.

    The group "" is that of the names without a slash; None is all of them but the machine's.
    `curved` asks for those that have more than their first step.
    """

    job_ids: Sequence[int]
    text: str = ""
    group: str | None = None
    curved: bool = False


def page(session: Session, wanted: Wanted, number: int, size: int) -> Page:
    """Names in alphabetical order."""
    found = _matching(session, wanted, LatestMetric.key).distinct()
    return paginate(session, found.order_by(LatestMetric.key), number, size)


def groups(session: Session, wanted: Wanted) -> list[tuple[str | None, int]]:
    """Each group with the count of its names; where there are too many groups, one of all: `[(None, count)]`."""
    names = _matching(session, wanted, LatestMetric.key).distinct().subquery()
    group = _group(session, names.c.key)
    counted = select(group, func.count()).group_by(group).order_by(group).limit(MOST_GROUPS + 1)
    found = [(name, count) for name, count in session.execute(counted)]
    if len(found) <= MOST_GROUPS:
        return found
    return [(None, session.scalar(select(func.count()).select_from(names)))]


def latest(session: Session, job_id: int, size: int, number: int = 1) -> Page:
    """The newest points of a run's metrics, by name."""
    of_run = LatestMetric.job_id == job_id
    columns = (LatestMetric.key, LatestMetric.value, LatestMetric.step, LatestMetric.timestamp)
    page = paginate(session, select(*columns).where(of_run).order_by(LatestMetric.key), number, size)
    rows = [Latest(key, math.nan if value is None else value, *rest) for key, value, *rest in page.rows]
    return page.showing(rows)


def kinds(session: Session, job_id: int) -> tuple[bool, bool]:
    """Whether a run has metrics that it logged, and whether it has those of the machine that it ran on."""
    is_system = LatestMetric.key.startswith(SYSTEM)
    found = [
        session.scalar(select(LatestMetric.key).where(LatestMetric.job_id == job_id, which).limit(1))
        for which in (~is_system, is_system)
    ]
    return found[0] is not None, found[1] is not None


def _matching(session: Session, wanted: Wanted, *columns: ColumnElement) -> Select:
    key = LatestMetric.key
    found = select(*columns).where(LatestMetric.job_id.in_(wanted.job_ids))
    for word in wanted.text.split():
        found = found.where(key.icontains(word, autoescape=True))
    if wanted.group is None:
        found = found.where(~key.startswith(SYSTEM))
    elif wanted.group:
        found = found.where(key.startswith(wanted.group, autoescape=True))
    else:
        found = found.where(~key.contains("/"))
    return found.where(LatestMetric.step > 0) if wanted.curved else found


def _group(session: Session, key: ColumnElement) -> ColumnElement:
    """What stands up to the first slash of a name, the slash included."""
    place = func.strpos if session.get_bind().dialect.name == "postgresql" else func.instr
    return func.substr(key, 1, place(key, "/"))
