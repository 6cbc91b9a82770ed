"""Reads behind the run table: pages of runs in any order, and all of them as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from app.database import reading
from app.errors import Invalid
from app.experiments.tables import Experiment
from app.jobs import queries as jobs
from app.jobs.tables import Job, JobTag
from app.kit.filtering import Order
from app.kit.paging import Page
from app.tracking import columns as table_columns
from app.tracking import search, seeds
from app.tracking.columns import Column
from app.tracking.tables import LatestMetric

_AT_ONCE = 500
MOST_PINNED = 100
"""Runs that are pinned beyond these lie among the others."""
SINGULAR = {"metrics": "metric", "params": "param", "tags": "tag"}


@dataclass(frozen=True)
class Wanted:
    """Which runs of a workspace: narrowed as a list of jobs, and by a filter in MLflow's language.

    `configuration` keeps those that differ only in their seeds, of which `seeds` are some more.
    """

    workspace_id: int
    narrowed: jobs.Filter
    filter: str = ""
    sort: str = "-created"
    configuration: str = ""
    seeds: Sequence[str] = ()


def page(session: Session, wanted: Wanted, number: int, size: int) -> Page:
    """One page of whole jobs: those that are pinned first, each part in the order of `wanted`."""
    found = matching(wanted)
    total = session.scalar(found.with_only_columns(func.count(Job.id)))
    pins = select(JobTag.job_id).where(JobTag.key == table_columns.PINNED)
    pinned = list(session.scalars(in_order(found.where(Job.id.in_(pins)), wanted.sort).limit(MOST_PINNED)))
    first = (number - 1) * size
    job_ids = pinned[first : first + size]
    if len(job_ids) < size:
        others = found.where(Job.id.not_in(pinned)) if pinned else found
        job_ids += _slice(session, others, wanted.sort, max(0, first - len(pinned)), size - len(job_ids))
    return Page(whole(session, job_ids), total, number, size)


def _slice(session: Session, found: Select, sort: str, first: int, count: int) -> list[int]:
    """Some of the selected jobs in order. Those that have a metric come first, and its index holds them in order."""
    kind, _, key = sort.removeprefix("-").partition(".")
    if kind == "metrics":
        last = aliased(LatestMetric)
        direction = last.value.desc() if sort.startswith("-") else last.value.asc()
        with_value = found.join(last, last.job_id == Job.id).where(last.key == key, last.value.is_not(None))
        job_ids = list(session.scalars(with_value.order_by(direction, Job.id.desc()).offset(first).limit(count)))
        if len(job_ids) == count:
            return job_ids
    return list(session.scalars(in_order(found, sort).offset(first).limit(count)))


def whole(session: Session, job_ids: list[int]) -> list[Job]:
    """Jobs by their ids, in that order, with what the table shows of them."""
    options = (joinedload(Job.experiment), selectinload(Job.tags))
    found = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(job_ids)).options(*options))}
    return [found[job_id] for job_id in job_ids]


def matching(wanted: Wanted) -> Select:
    """The ids of the wanted jobs, in no order."""
    # The sum keeps SQLite from sorting the whole workspace where an index of what it is sorted by would do.
    workspace = Job.workspace_id + 0 if "metrics." in wanted.sort else Job.workspace_id
    found = select(Job.id).where(workspace == wanted.workspace_id)
    if wanted.configuration:
        found = seeds.narrow(found, wanted.configuration, wanted.seeds)
    return search.narrow(jobs.narrow(found, wanted.narrowed), wanted.filter)


def in_order(found: Select, sort: str) -> Select:
    """Selected jobs in the order of a sort key, those without a value last; raises Invalid for no such key."""
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


def csv_lines(session: Session, wanted: Wanted, columns: Sequence[Column]) -> Iterator[str]:
    """A table of all matching runs: name, display name, then the columns. It reads on after `session` is closed."""
    job_ids = list(session.scalars(in_order(matching(wanted), wanted.sort)))
    return _csv_lines(job_ids, columns)


def _csv_lines(job_ids: list[int], columns: Sequence[Column]) -> Iterator[str]:
    yield _csv_line(["name", "display_name", *(column.id for column in columns)])
    for first in range(0, len(job_ids), _AT_ONCE):
        piece = job_ids[first : first + _AT_ONCE]
        with reading() as session:
            logged = table_columns.values(session, piece, columns)
            jobs_of_piece = whole(session, piece)
        for job in jobs_of_piece:
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
