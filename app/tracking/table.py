"""Reads behind the run table: pages of runs in any order, groups of them, and all of them as CSV."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from app.database import reading
from app.errors import Invalid
from app.experiments.tables import Experiment
from app.jobs import queries as jobs
from app.jobs.tables import Job, JobTag
from app.kit.filtering import Comparison, Order
from app.kit.paging import Page
from app.tracking import columns as table_columns
from app.tracking import search
from app.tracking.columns import Column
from app.tracking.tables import LatestMetric

_AT_ONCE = 500
MOST_PINNED = 100
"""Runs that are pinned beyond these lie among the others."""
SINGULAR = {"metrics": "metric", "params": "param", "tags": "tag"}


@dataclass(frozen=True)
class Wanted:
    """Which runs of a workspace: narrowed as a list of jobs, and by a filter in MLflow's language."""

    workspace_id: int
    narrowed: jobs.Filter
    filter: str = ""
    sort: str = "-created"


@dataclass(frozen=True)
class Group:
    """Runs that share a value, which is None where they have none.

    `measured` of the `count` runs have the metric; `deviation` is the sample standard deviation, None below two.
    """

    value: str | None
    count: int
    measured: int = 0
    mean: float | None = None
    deviation: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def id(self) -> str:
        return "-" if self.value is None else f"={self.value}"


def page(session: Session, wanted: Wanted, number: int, size: int) -> Page:
    """One page of whole jobs: those that are pinned first, each part in the order of `wanted`."""
    found = _matching(wanted)
    total = session.scalar(found.with_only_columns(func.count(Job.id)))
    pins = select(JobTag.job_id).where(JobTag.key == table_columns.PINNED)
    pinned = list(session.scalars(_sorted(found.where(Job.id.in_(pins)), wanted.sort).limit(MOST_PINNED)))
    first = (number - 1) * size
    job_ids = pinned[first : first + size]
    if len(job_ids) < size:
        others = _sorted(found.where(Job.id.not_in(pinned)) if pinned else found, wanted.sort)
        others = others.offset(max(0, first - len(pinned))).limit(size - len(job_ids))
        job_ids += session.scalars(others)
    return Page(_whole(session, job_ids), total, number, size)


def rows(session: Session, wanted: Wanted, by: Column, group: Group, most: int) -> list[Job]:
    """The first runs of a group."""
    found = _matching(wanted).where(_within(by, group.value))
    return _whole(session, list(session.scalars(_sorted(found, wanted.sort).limit(most))))


def _whole(session: Session, job_ids: list[int]) -> list[Job]:
    options = (joinedload(Job.experiment), selectinload(Job.tags))
    found = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(job_ids)).options(*options))}
    return [found[job_id] for job_id in job_ids]


def _matching(wanted: Wanted) -> Select:
    found = select(Job.id).where(Job.workspace_id == wanted.workspace_id)
    return search.narrow(jobs.narrow(found, wanted.narrowed), wanted.filter)


def _sorted(found: Select, sort: str) -> Select:
    name = sort.removeprefix("-")
    if name in jobs.SORTS:
        if name == "experiment":
            found = found.join(Experiment, Job.experiment_id == Experiment.id)
        return found.order_by(jobs.order(sort), Job.id.desc())
    column = table_columns.parse(name, "sort")
    if column.sort is None or column.kind == "fixed":
        raise Invalid(f"sort: runs cannot be sorted by {name!r}; a metric is sorted by its last value.", target="sort")
    found, orders = search.order(found, Order(SINGULAR[column.kind], column.key, not sort.startswith("-")))
    return found.order_by(*orders, Job.id.desc())


def parse_group(text: str) -> Column:
    """The column of `group=`; raises Invalid for what runs cannot be grouped by."""
    column = table_columns.parse(text, "group")
    if column.id != "experiment" and column.kind not in ("params", "tags"):
        raise Invalid(f"group: {text!r} groups no runs. Use experiment, params.NAME or tags.NAME.", target="group")
    return column


def narrowing(by: Column, value: str | None) -> dict[str, str]:
    """What to add to the address of the list, so that it shows one group: its experiment or a filter."""
    if by.id == "experiment":
        return {"experiment": value or ""}
    key = f"{by.kind}.`{by.key}`"
    if value is None:
        return {"filter": f"{key} IS NULL"}
    quoted = value.replace("'", "''")
    return {"filter": f"{key} = '{quoted}'"}


def _within(by: Column, value: str | None) -> ColumnElement[bool]:
    if by.id == "experiment":
        return Job.experiment_id.in_(select(Experiment.id).where(Experiment.name == value))
    operator = "IS NULL" if value is None else "="
    return search.condition_of(Comparison(SINGULAR[by.kind], by.key, operator, value))


def groups(session: Session, wanted: Wanted, by: Column, metric: str, number: int, size: int) -> Page:
    """Groups of the matching runs, the largest first, with mean and spread of the last values of a metric."""
    found, value = _with_value(_matching(wanted), by)
    count_groups = select(func.count()).select_from(found.with_only_columns(value).group_by(value).subquery())
    measured = aliased(LatestMetric)
    found = found.outerjoin(measured, (measured.job_id == Job.id) & (measured.key == metric))
    # Differences from one of the values keep the sum of squares exact, which that of the values is not.
    near = session.scalar(found.with_only_columns(measured.value).where(measured.value.is_not(None)).limit(1)) or 0.0
    difference = measured.value - literal(near)
    counted = func.count()
    rows = found.with_only_columns(
        value.label("value"),
        counted,
        func.count(measured.value),
        func.sum(difference),
        func.sum(difference * difference),
        func.min(measured.value),
        func.max(measured.value),
    )
    rows = rows.group_by(value).order_by(counted.desc(), value).offset((number - 1) * size).limit(size)
    shown = [_group(near, *row) for row in session.execute(rows)]
    is_whole = number == 1 and len(shown) < size
    return Page(shown, len(shown) if is_whole else session.scalar(count_groups), number, size)


def _with_value(found: Select, by: Column) -> tuple[Select, ColumnElement]:
    if by.id == "experiment":
        return found.join(Experiment, Job.experiment_id == Experiment.id), Experiment.name
    table = aliased(table_columns.TABLES[by.kind])
    return found.outerjoin(table, (table.job_id == Job.id) & (table.key == by.key)), table.value


def _group(near: float, value, count: int, measured: int, shift, squares, least, most) -> Group:
    if not measured or shift is None or not math.isfinite(shift):
        return Group(value, count, measured)
    mean = near + shift / measured
    deviation = None
    if measured > 1 and squares is not None:
        deviation = math.sqrt(max(0.0, (squares - shift * shift / measured) / (measured - 1)))
    return Group(value, count, measured, mean, deviation, least, most)


def csv_lines(session: Session, wanted: Wanted, columns: Sequence[Column]) -> Iterator[str]:
    """A table of all matching runs: name, display name, then the columns. It reads on after `session` is closed."""
    job_ids = list(session.scalars(_sorted(_matching(wanted), wanted.sort)))
    return _csv_lines(job_ids, columns)


def _csv_lines(job_ids: list[int], columns: Sequence[Column]) -> Iterator[str]:
    yield _csv_line(["name", "display_name", *(column.id for column in columns)])
    for first in range(0, len(job_ids), _AT_ONCE):
        piece = job_ids[first : first + _AT_ONCE]
        with reading() as session:
            logged = table_columns.values(session, piece, columns)
            whole = _whole(session, piece)
        for job in whole:
            cells = [cell(job, column, logged[job.id]) for column in columns]
            yield _csv_line([job.name, job.display_name, *cells])


def cell(job: Job, column: Column, logged: dict) -> str | float:
    """What a run has in a column, for a file; nothing is an empty text."""
    if column.kind != "fixed":
        return logged.get(column.id, "")
    match column.key:
        case "experiment":
            return job.experiment.name
        case "created":
            return job.created_at.isoformat()
        case "duration":
            return "" if job.duration_seconds is None else job.duration_seconds
        case "tags":
            return "; ".join(f"{key}={value}" for key, value in job.tag_map.items() if not key.startswith("mlflow."))
    return str(getattr(job, column.key))


def _csv_line(cells: Sequence) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
