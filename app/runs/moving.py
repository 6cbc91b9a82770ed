"""Moves runs to another experiment: their ids, files and all that they logged stay as they are."""

from collections.abc import Sequence

from sqlalchemy import and_, case, exists, func, literal, select, update
from sqlalchemy.orm import Session, aliased

from app.errors import Conflict, Invalid
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.outbox import hint
from app.runs.descent import jobs_of, pieces, with_descendants
from app.traces.service import insert
from app.traces.tables import Trace, TraceRun
from app.tracking.tables import Dataset, DatasetInput, LoggedModel


def move(session: Session, job_ids: Sequence[int], target: Experiment, *, children: bool = True) -> list[Job]:
    """Put runs into an experiment, with the models and traces that they logged; returns those that moved.

    Raises Invalid where the experiment or a run is deleted, and Conflict where a worker has still
    to run a job, whose process knows its experiment.
    """
    experiments.check_active(target)
    wanted = with_descendants(session, job_ids) if children else list(job_ids)
    moving = [job for job in jobs_of(session, wanted) if job.experiment_id != target.id]
    for job in moving:
        _check(job)
    ids = [job.id for job in moving]
    for piece in pieces(ids):
        _take_along(session, LoggedModel, LoggedModel.job_id.in_(piece), target)
        _take_along(session, Trace, Trace.id.in_(traces_only_of(piece)), target)
        _take_along(session, Job, Job.id.in_(piece), target)
        bring_datasets(session, piece, target)
    for job in moving:
        session.expire(job)
        hint(session, f"job:{job.id}", "status")
    hint(session, f"jobs:{target.workspace_id}", "jobs")
    return moving


def _check(job: Job) -> None:
    if job.lifecycle_stage != "active":
        raise Invalid(f"names: the run {job.name} is deleted. Restore it before it is moved.", target="names")
    if job.type != "run" and not job.status.is_final:
        raise Conflict(
            f"Job {job.name} is {job.status}, and its process knows its experiment. Move it when it has ended.",
            target=job.name,
        )


def _take_along(session: Session, table: type, which, target: Experiment) -> None:
    """Change the experiment, and note where the files stay; who comes home needs no note."""
    location = select(Experiment.artifact_location).where(Experiment.id == table.experiment_id).scalar_subquery()
    home = func.coalesce(table.files_experiment_id, table.experiment_id)
    is_home = home == target.id
    moved = {
        "files_location": case(
            (is_home, None), (table.files_experiment_id.is_(None), location), else_=table.files_location
        ),
        "files_experiment_id": case((is_home, None), else_=home),
        "experiment_id": target.id,
    }
    statement = update(table).where(which, table.experiment_id != target.id).values(**moved)
    session.execute(statement, execution_options={"synchronize_session": False})


def traces_only_of(job_ids: Sequence[int]):
    """The ids of traces that belong to these runs and to no other, as a query."""
    other = aliased(TraceRun)
    elsewhere = exists().where(other.trace_id == TraceRun.trace_id, other.job_id.not_in(job_ids))
    return select(TraceRun.trace_id).where(TraceRun.job_id.in_(job_ids), ~elsewhere)


def bring_datasets(session: Session, job_ids: Sequence[int], target: Experiment) -> None:
    """Let the inputs of runs name the datasets of their experiment, which are made where it has none of that name."""
    read = select(DatasetInput.dataset_id).where(DatasetInput.job_id.in_(job_ids))
    foreign = and_(Dataset.id.in_(read), Dataset.experiment_id != target.id)
    copied = ("name", "digest", "source_type", "source", "schema", "profile")
    found = select(literal(target.id), *(getattr(Dataset, name) for name in copied)).where(foreign)
    session.execute(insert(session, Dataset).from_select(["experiment_id", *copied], found).on_conflict_do_nothing())
    old, new = aliased(Dataset), aliased(Dataset)
    same = (new.name == old.name) & (new.digest == old.digest) & (new.experiment_id == target.id)
    counterpart = select(new.id).join(old, same).where(old.id == DatasetInput.dataset_id).scalar_subquery()
    changed = update(DatasetInput).where(DatasetInput.job_id.in_(job_ids)).values(dataset_id=counterpart)
    session.execute(changed, execution_options={"synchronize_session": False})
