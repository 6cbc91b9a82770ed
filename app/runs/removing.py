"""Deletes runs and experiments for good, with all that they logged: rows at once, files after the commit.

What was registered from them stays: model versions have files of their own, and files of a run that
a data asset names are kept. The meaning is that of `mlflow gc`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.assets.addresses import stored_address
from app.data.tables import DataAsset, DataVersion
from app.errors import Conflict, Invalid
from app.experiments.queries import GONE
from app.experiments.tables import Experiment
from app.jobs import places
from app.jobs.discarding import discard
from app.jobs.lifecycle import FINAL
from app.jobs.tables import Job, JobAsset
from app.kit.ids import sortable
from app.kit.outbox import hint
from app.kit.storage import store
from app.runs.descent import jobs_of, pieces, with_descendants
from app.runs.moving import traces_only_of
from app.traces import places as trace_places
from app.traces.tables import Trace
from app.tracking import artifacts
from app.tracking.tables import Dataset, LatestMetric, LoggedModel

_UNSEEN = {"synchronize_session": False}
_AT_ONCE = 100
"""Each job gives the search for kept files a few conditions, and SQLite takes a thousand."""
_COUNTED = 20


@dataclass(frozen=True)
class Loss:
    """What goes with some runs, and what stays that was made of them.

    `files` and `bytes` are None for more runs than are quickly counted.
    """

    runs: int
    children: int
    series: int
    traces: int
    logged_models: int
    files: int | None
    bytes: int | None
    registered: int


def loss(session: Session, jobs: Sequence[Job]) -> Loss:
    """What deleting these runs, and those below them, would take away."""
    ids = [job.id for job in jobs]
    children = with_descendants(session, ids)[len(ids) :]
    counts = [0, 0, 0, 0]
    for piece in pieces(ids):
        found = (
            select(func.count()).where(LatestMetric.job_id.in_(piece)),
            select(func.count()).select_from(traces_only_of(piece).subquery()),
            select(func.count()).where(LoggedModel.job_id.in_(piece)),
            select(func.count()).where(JobAsset.job_id.in_(piece), JobAsset.direction == "output"),
        )
        counts = [total + session.scalar(one) for total, one in zip(counts, found, strict=True)]
    files = size = None
    if len(jobs) <= _COUNTED:
        sizes = [store().total_size(key) for job in jobs for key in _keys(session, job)]
        files, size = sum(found[0] for found in sizes), sum(found[1] for found in sizes)
    series, traces, models, registered = counts
    return Loss(len(ids), len(children), series, traces, models, files, size, registered)


def remove(session: Session, job_ids: Sequence[int], *, children: bool = True) -> list[str]:
    """Delete runs and, by choice, all below them; returns their names. Raises Conflict for one that has not ended."""
    ids = with_descendants(session, job_ids) if children else list(job_ids)
    jobs = jobs_of(session, ids)
    for job in jobs:
        if job.status not in FINAL:
            raise Conflict(f"Run {job.name} is {job.status}. Stop it before it is deleted for good.", target=job.name)
    names = [job.name for job in jobs]
    for first in range(0, len(jobs), _AT_ONCE):
        _discard_files(session, jobs[first : first + _AT_ONCE])
    for piece in pieces(ids):
        session.execute(delete(Trace).where(Trace.id.in_(traces_only_of(piece))), execution_options=_UNSEEN)
        session.execute(delete(LoggedModel).where(LoggedModel.job_id.in_(piece)), execution_options=_UNSEEN)
        orphans = update(Job).where(Job.parent_id.in_(piece)).values(parent_id=None)
        session.execute(orphans, execution_options=_UNSEEN)
    for piece in pieces(ids):
        session.execute(delete(Job).where(Job.id.in_(piece)), execution_options=_UNSEEN)
    for workspace_id in {job.workspace_id for job in jobs}:
        hint(session, f"jobs:{workspace_id}", "jobs")
    for job in jobs:
        session.expunge(job)
    return names


def _keys(session: Session, job: Job) -> list[str]:
    """Where the files of a run lie, but for those of its traces."""
    models = session.scalars(select(LoggedModel).where(LoggedModel.job_id == job.id))
    found = [artifacts.model_key(model).removesuffix("/artifacts") for model in models]
    own = [artifacts.run_key(job).removesuffix("/artifacts"), places.folder_key(job.workspace_id, job.name)]
    return own + found


def _discard_files(session: Session, jobs: Sequence[Job]) -> None:
    keys = [key for job in jobs for key in _keys(session, job)]
    kept = _named_by_data(session, jobs[0].workspace_id, keys)
    for key in keys:
        discard(session, key, [held for held in kept if held == key or held.startswith(f"{key}/")])
    for trace in session.scalars(select(Trace).where(Trace.id.in_(traces_only_of([job.id for job in jobs])))):
        discard(session, trace_places.folder_key(trace).removesuffix("/artifacts"))


def _named_by_data(session: Session, workspace_id: int, keys: Sequence[str]) -> list[str]:
    """Storage keys at or below these that versions of data assets name."""
    root = f"workspaces/{workspace_id}/"
    found = select(DataVersion.path).join(DataAsset).where(DataAsset.workspace_id == workspace_id)
    below = or_(*(DataVersion.path.startswith(stored_address(key.removeprefix(root)), autoescape=True) for key in keys))
    return [root + path.removeprefix(stored_address("")).strip("/") for path in session.scalars(found.where(below))]


def remove_experiment(session: Session, experiment: Experiment) -> None:
    """Delete an experiment that holds no runs any more, with its models, traces and files.

    What was moved out of it keeps its files. Raises Invalid for one that is not deleted yet, and
    Conflict while it has runs.
    """
    check_removable(experiment)
    left = session.scalar(select(Job.name).where(Job.experiment_id == experiment.id).limit(1))
    if left:
        raise Conflict(f"The experiment {experiment.name!r} still has runs, such as {left}.", target="experiment_id")
    root = artifacts.tracking_key(experiment.workspace_id)
    key_of = {Job: artifacts.run_key, LoggedModel: artifacts.model_key, Trace: trace_places.folder_key}
    kept = []
    for table, key in key_of.items():
        guests = select(table).where(table.experiment_id == experiment.id, table.files_experiment_id.is_not(None))
        for guest in session.scalars(guests):
            discard(session, key(guest).removesuffix("/artifacts"))
        away = select(table).where(table.files_experiment_id == experiment.id)
        kept += [key(one).removesuffix("/artifacts") for one in session.scalars(away)]
    kept += _named_by_data(session, experiment.workspace_id, [f"{root}/{experiment.id}/"])
    discard(session, f"{root}/{experiment.id}", kept)
    for table in (Trace, LoggedModel, Dataset):
        session.execute(delete(table).where(table.experiment_id == experiment.id), execution_options=_UNSEEN)
    # The row stays, for SQLite gives the id of a deleted newest one to the next, whose files would be taken for these.
    experiment.lifecycle_stage, experiment.name = GONE, f"{experiment.id} {sortable()}"
    experiment.tags, experiment.folder_id, experiment.artifact_location = {}, None, None
    session.flush()


def check_removable(experiment: Experiment) -> None:
    if experiment.lifecycle_stage != "deleted":
        raise Invalid(
            f"experiment_id: delete the experiment {experiment.name!r} first; only what is deleted can be deleted "
            "for good.",
            target="experiment_id",
        )
