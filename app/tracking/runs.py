"""Finds runs: to read them whole, or bare to write to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access.caller import Caller, may_write_run
from app.errors import Forbidden, Invalid, NotFound
from app.experiments.tables import Experiment
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit import id_lists


class RunRef(NamedTuple):
    """As much of a run as a write to it needs."""

    id: int
    name: str
    parent_id: int | None
    lifecycle_stage: str
    experiment_id: int


class RunRow(NamedTuple):
    """As much of a run as a list of many shows."""

    id: int
    name: str
    display_name: str
    experiment_id: int
    status: Status
    created_by: str
    started_at: datetime
    ended_at: datetime | None
    lifecycle_stage: str
    files_folder: int
    artifact_location: str | None


_ROWS = (
    select(
        Job.id,
        Job.name,
        Job.display_name,
        Job.experiment_id,
        Job.status,
        Job.created_by,
        func.coalesce(Job.started_at, Job.created_at),
        Job.ended_at,
        Job.lifecycle_stage,
        func.coalesce(Job.files_experiment_id, Job.experiment_id),
        case((Job.files_experiment_id.is_(None), Experiment.artifact_location), else_=Job.files_location),
    )
    .join(Experiment, Experiment.id == Job.experiment_id)
    .where(id_lists.is_in(Job.id))
)
_REFERENCE = select(Job.id, Job.name, Job.parent_id, Job.lifecycle_stage, Job.experiment_id).where(
    Job.workspace_id == bindparam("workspace_id"), Job.name == bindparam("run_id")
)


def find(session: Session, workspace_id: int, run_id: str) -> Job | None:
    found = select(Job).where(Job.workspace_id == workspace_id, Job.name == run_id)
    return session.scalar(found.options(joinedload(Job.experiment), selectinload(Job.tags)))


def get(session: Session, workspace_id: int, run_id: str) -> Job:
    job = find(session, workspace_id, run_id)
    if job is None:
        raise NotFound(f"Run with id={run_id} not found", target="run_id")
    return job


def get_writable(session: Session, caller: Caller, run_id: str, *, deleted: bool = False) -> Job:
    """A run that the caller may change; one that is deleted only where `deleted` says so."""
    job = get(session, caller.workspace.id, run_id)
    _check(session, caller, job, deleted)
    return job


def reference(session: Session, caller: Caller, run_id: str) -> RunRef:
    """The same as `get_writable`, without loading the row."""
    asked = {"workspace_id": caller.workspace.id, "run_id": run_id}
    found = session.connection().execute(_REFERENCE, asked).first()
    if found is None:
        raise NotFound(f"Run with id={run_id} not found", target="run_id")
    run = RunRef._make(found)
    confined = caller.run is not None and caller.run != run.name
    _check(session, caller, session.get_one(Job, run.id) if confined else run, False)
    return run


def reference_of(job: Job) -> RunRef:
    return RunRef(*[getattr(job, name) for name in RunRef._fields])


def check_active(run: Job | RunRef) -> None:
    if run.lifecycle_stage != "active":
        raise Invalid(
            f"The run {run.name} must be in the 'active' state. Current state is {run.lifecycle_stage}.",
            target="run_id",
        )


def _check(session: Session, caller: Caller, run: Job | RunRef, deleted: bool) -> None:
    if not deleted:
        check_active(run)
    if not may_write_run(session, caller, run):
        raise Forbidden(f"The token belongs to the run {caller.run}; it may not write to {run.name}.", target="run_id")


def rows(session: Session, job_ids: Sequence[int]) -> dict[int, RunRow]:
    """The runs by their ids, without loading them whole."""
    found = map(RunRow._make, id_lists.rows(session, _ROWS, job_ids))
    return {row.id: row for row in found}


def by_ids(session: Session, job_ids: Sequence[int]) -> list[Job]:
    """Whole runs in the order of the ids."""
    rows: dict[int, Job] = {}
    for first in range(0, len(job_ids), 1000):
        found = select(Job).where(Job.id.in_(job_ids[first : first + 1000])).options(joinedload(Job.experiment))
        rows |= {job.id: job for job in session.scalars(found)}
    return [rows[job_id] for job_id in job_ids]
