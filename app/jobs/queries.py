"""Reads of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, extract, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.errors import Invalid, NotFound
from app.experiments.tables import Experiment
from app.jobs.lifecycle import FINAL, Status
from app.jobs.tables import Job, JobAsset, JobTag
from app.kit.paging import Page, paginate

SORTS = {
    "created": Job.created_at,
    "name": Job.display_name,
    "status": Job.status,
    "experiment": Experiment.name,
    "started": Job.started_at,
    "ended": Job.ended_at,
    "created_by": Job.created_by,
    "duration": extract("epoch", func.coalesce(Job.ended_at, func.now())) - extract("epoch", Job.started_at),
}


@dataclass(frozen=True)
class Filter:
    """What a list of jobs is narrowed to. `text` is looked for in names; `tag` is `key` or `key=value`.

    `archived` and `is_child` narrow nothing where they are None.
    """

    text: str = ""
    statuses: Sequence[str] = field(default_factory=tuple)
    experiment: str = ""
    created_by: str = ""
    type: str = ""
    tag: str = ""
    archived: bool | None = False
    deleted: bool = False
    is_child: bool | None = None
    parent_id: int | None = None


def find(session: Session, workspace_id: int, name: str) -> Job | None:
    found = select(Job).where(Job.workspace_id == workspace_id, Job.name == name)
    return session.scalar(found.options(joinedload(Job.experiment), selectinload(Job.tags)))


def get(session: Session, workspace_id: int, name: str) -> Job:
    job = find(session, workspace_id, name)
    if job is None:
        raise NotFound(f"There is no job {name!r} in this workspace.", target="name")
    return job


def page(
    session: Session, workspace_id: int, narrowed: Filter, *, sort: str = "-created", number: int = 1, size: int = 50
) -> Page:
    found = narrow(select(Job).where(Job.workspace_id == workspace_id), narrowed)
    total = session.scalar(found.with_only_columns(func.count(Job.id)).order_by(None))
    rows = found.join(Experiment).order_by(order(sort), Job.id.desc())
    rows = rows.options(joinedload(Job.experiment), selectinload(Job.tags))
    return paginate(session, rows, number, size, total=total)


def order(sort: str) -> ColumnElement:
    """By a key of SORTS, falling where it begins with '-'; `experiment` needs its table joined."""
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise Invalid(
            f"sort: {sort!r} is not a column. Use one of {', '.join(SORTS)}, with '-' for falling.", target="sort"
        )
    return column.desc() if sort.startswith("-") else column.asc()


def narrow(found: Select, narrowed: Filter) -> Select:
    """Keep those of the selected jobs that the filter names."""
    if narrowed.deleted:
        found = found.where(Job.lifecycle_stage == "deleted")
    else:
        found = found.where(Job.lifecycle_stage == "active")
        if narrowed.archived is not None:
            found = found.where(Job.archived == narrowed.archived)
    if narrowed.is_child is not None:
        # Of a list, most rows have no parent: the index of parents would lead past the one by which it is sorted.
        parent = func.coalesce(Job.parent_id, 0)
        found = found.where(parent != 0 if narrowed.is_child else parent == 0)
    if narrowed.parent_id is not None:
        found = found.where(Job.parent_id == narrowed.parent_id)
    if narrowed.text:
        like = (column.icontains(narrowed.text, autoescape=True) for column in (Job.name, Job.display_name))
        found = found.where(or_(*like))
    if narrowed.statuses:
        found = found.where(Job.status.in_([_status(text) for text in narrowed.statuses]))
    if narrowed.experiment:
        named = select(Experiment.id).where(Experiment.name == narrowed.experiment)
        found = found.where(Job.experiment_id.in_(named))
    if narrowed.created_by:
        found = found.where(Job.created_by == narrowed.created_by)
    if narrowed.type:
        found = found.where(Job.type == narrowed.type)
    if narrowed.tag:
        key, equals, value = narrowed.tag.partition("=")
        tag = select(JobTag.job_id).where(JobTag.key == key)
        found = found.where(Job.id.in_(tag.where(JobTag.value == value) if equals else tag))
    return found


def _status(text: str) -> Status:
    try:
        return Status(text)
    except ValueError as error:
        known = ", ".join(Status)
        raise Invalid(f"status: {text!r} is no state of a job. The states are {known}.", target="status") from error


def children(session: Session, job: Job, number: int = 1, size: int = 50) -> Page:
    """The jobs within a job, in the order in which they were made."""
    found = select(Job).where(Job.parent_id == job.id)
    total = session.scalar(found.with_only_columns(func.count(Job.id)))
    rows = found.options(joinedload(Job.experiment)).order_by(Job.id).offset((number - 1) * size).limit(size)
    return Page(session.scalars(rows).all(), total, number, size)


def failed_children(session: Session, job: Job, count: int) -> Sequence[Job]:
    """Those within a job that failed, in the order in which they were made."""
    found = select(Job).where(Job.parent_id == job.id, Job.status == Status.FAILED)
    return session.scalars(found.order_by(Job.id).limit(count)).all()


def recent(session: Session, workspace_id: int, count: int, *, failed: bool = False) -> Sequence[Job]:
    """The newest that are no part of another."""
    found = select(Job).where(Job.workspace_id == workspace_id, Job.lifecycle_stage == "active")
    found = found.where(func.coalesce(Job.parent_id, 0) == 0)
    if failed:
        found = found.where(Job.status == Status.FAILED)
    newest = found.order_by(Job.created_at.desc(), Job.id.desc())
    return session.scalars(newest.options(joinedload(Job.experiment)).limit(count)).all()


def counts(session: Session, workspace_id: int) -> dict[str, int]:
    """How many jobs are in which state; those that are part of another do not count."""
    found = select(Job.status, func.count()).where(Job.workspace_id == workspace_id, Job.lifecycle_stage == "active")
    found = found.where(func.coalesce(Job.parent_id, 0) == 0)
    return dict(session.execute(found.group_by(Job.status)).all())


def assets(session: Session, job: Job) -> Sequence[JobAsset]:
    """What the job read and wrote."""
    return session.scalars(select(JobAsset).where(JobAsset.job_id == job.id).order_by(JobAsset.port)).all()


def users_of(
    session: Session, workspace_id: int, kind: str, name: str, version: str | None = None
) -> Sequence[tuple[Job, str]]:
    """The jobs that read or wrote an asset, newest first, with the direction."""
    found = (
        select(Job, JobAsset.direction)
        .join(JobAsset, JobAsset.job_id == Job.id)
        .where(Job.workspace_id == workspace_id, JobAsset.kind == kind, JobAsset.asset_name == name)
    )
    if version is not None:
        found = found.where(JobAsset.asset_version == version)
    return session.execute(found.order_by(Job.id.desc()).limit(100)).all()


def unfinished(session: Session, job_ids: list[int]) -> set[int]:
    found = select(Job.id).where(Job.id.in_(job_ids), Job.status.not_in(FINAL))
    return set(session.scalars(found))
