"""Copies runs into an experiment: a new run with all that the old one logged, which names where it comes from.

Files are copied first and with no transaction open, then all rows are written in one. Storage that
can gives a file a second key without moving its bytes.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, literal, select, update
from sqlalchemy.orm import Session

from app.errors import AtelierError, Conflict, Invalid, NotFound
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.jobs import places
from app.jobs.tables import Job, JobAsset, JobTag
from app.kit.ids import sortable
from app.kit.outbox import hint
from app.kit.storage import store
from app.runs.descent import jobs_of, with_descendants
from app.runs.moving import bring_datasets
from app.tracking import artifacts, logged_models
from app.tracking.service import PARENT
from app.tracking.tables import (
    Configuration,
    DatasetInput,
    LatestMetric,
    LoggedModel,
    LoggedModelMetric,
    LoggedModelParam,
    LoggedModelTag,
    MetricBlock,
    MetricHead,
    Param,
    RunModel,
)

ORIGIN = "atelier.copiedFrom"
_LOGGED = (Param, Configuration, MetricHead, MetricBlock, LatestMetric, JobTag, DatasetInput, RunModel)
_OWN = {"id", "name", "experiment_id", "parent_id", "worker_id", "lease_expires_at", "created_at", "created_by"}
_UNSEEN = {"synchronize_session": False}
_OWN |= {"archived", "lifecycle_stage", "files_experiment_id", "files_location"}


@dataclass
class Plan:
    """What is to be copied: the run's new name by its row id, in order, and the models' new ids by their old ones."""

    target_id: int
    names: dict[int, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, str]] = field(default_factory=list)


def plan(session: Session, job_ids: Sequence[int], target: Experiment, *, children: bool = True) -> Plan:
    """Raises Invalid for what is deleted or whose files the server has not, and Conflict for a run that goes on."""
    experiments.check_active(target)
    made = Plan(target.id)
    for job in jobs_of(session, with_descendants(session, job_ids) if children else list(job_ids)):
        _check(job)
        name = made.names[job.id] = sortable()
        to = f"{artifacts.tracking_key(job.workspace_id)}/{target.id}"
        made.files.append((artifacts.run_key(job), f"{to}/{name}/artifacts"))
        if job.type != "run":
            made.files.append(tuple(places.folder_key(job.workspace_id, run) for run in (job.name, name)))
        for model in logged_models.of_job(session, job):
            new = made.models[model.id] = "m-" + secrets.token_hex(16)
            made.files.append((artifacts.model_key(model), f"{to}/models/{new}/artifacts"))
    return made


def _check(job: Job) -> None:
    if job.lifecycle_stage != "active":
        raise Invalid(f"names: the run {job.name} is deleted. Restore it before it is copied.", target="names")
    if not job.status.is_final:
        raise Conflict(f"Run {job.name} is {job.status}. Copy it when it has ended, or stop it first.", target=job.name)
    if not artifacts.root_uri(job).startswith(artifacts.SCHEME):
        raise Invalid(
            f"names: the artifacts of the run {job.name} lie at {artifacts.run_uri(job)}, outside this server, which "
            "cannot copy them.",
            target="names",
        )


def copy_files(made: Plan) -> None:
    """Copy what the plan names; on a failure what was copied goes again. No transaction is open."""
    try:
        for source, target in made.files:
            for entry in store().walk(source):
                store().copy_file(f"{source}/{entry.path}", f"{target}/{entry.path}")
    except (AtelierError, OSError):
        forget_files(made)
        raise


def forget_files(made: Plan) -> None:
    for _, target in made.files:
        store().delete(target)


def write(session: Session, made: Plan, user: str) -> list[Job]:
    """The rows of the copies, in one go; returns the new runs, parents first.

    Raises NotFound where a run was deleted for good since it was planned.
    """
    target = session.get_one(Experiment, made.target_id)
    experiments.check_active(target)
    sources = select(Job).where(Job.id.in_(made.names)).order_by(Job.id)
    if len(found := {job.id: job for job in session.scalars(sources)}) < len(made.names):
        raise NotFound("names: a run was deleted while its files were copied.", target="names")
    new: dict[int, Job] = {}
    for id, name in made.names.items():
        new[id] = _new_run(session, found[id], name, user, target, new)
        for table in _LOGGED:
            _copy_rows(session, table, {"job_id": (id, new[id].id)})
        _copy_rows(session, JobAsset, {"job_id": (id, new[id].id)}, JobAsset.direction != "output")
        _tag(session, new[id], found[id])
    for old_model, new_model in made.models.items():
        _copy_model(session, old_model, new_model, target, new)
    bring_datasets(session, [job.id for job in new.values()], target)
    for job in new.values():
        session.expire(job)
    hint(session, f"jobs:{target.workspace_id}", "jobs")
    return list(new.values())


def _new_run(session: Session, source: Job, name: str, user: str, target: Experiment, new: dict[int, Job]) -> Job:
    fields = {column.key: getattr(source, column.key) for column in Job.__table__.c if column.key not in _OWN}
    if source.display_name == source.name:
        fields["display_name"] = name
    parent = new.get(source.parent_id)
    job = Job(**fields, name=name, experiment_id=target.id, parent_id=parent and parent.id, created_by=user)
    if target.artifact_location:
        # Clients find the copied files with the server, and not where the experiment's other artifacts lie.
        job.files_experiment_id = target.id
    session.add(job)
    session.flush()
    return job


def _copy_rows(session: Session, table: type, changed: dict[str, tuple], *which) -> None:
    """Copy the rows where each changed column has the first value, with the second one in its place."""
    columns = table.__table__.c
    chosen = [literal(changed[c.key][1], c.type) if c.key in changed else c for c in columns]
    where = [columns[key] == old for key, (old, _) in changed.items()]
    found = select(*chosen).where(*where, *which)
    session.execute(insert(table.__table__).from_select([column.key for column in columns], found))


def _tag(session: Session, job: Job, source: Job) -> None:
    """Name the origin, and the copied parent in place of the old one."""
    session.execute(delete(JobTag).where(JobTag.job_id == job.id, JobTag.key.in_([PARENT, ORIGIN])))
    session.add(JobTag(job_id=job.id, key=ORIGIN, value=source.name))
    if job.parent_id:
        session.add(JobTag(job_id=job.id, key=PARENT, value=session.get_one(Job, job.parent_id).name))
    session.flush()


def _copy_model(session: Session, old: str, new: str, target: Experiment, runs: dict[int, Job]) -> None:
    source = session.get_one(LoggedModel, old)
    own = {"id", "job_id", "experiment_id", "files_experiment_id", "files_location"}
    fields = {column.key: getattr(source, column.key) for column in LoggedModel.__table__.c if column.key not in own}
    home = target.id if target.artifact_location else None
    owner = runs[source.job_id].id
    session.add(LoggedModel(**fields, id=new, job_id=owner, experiment_id=target.id, files_experiment_id=home))
    session.flush()
    for table in (LoggedModelTag, LoggedModelParam):
        _copy_rows(session, table, {"model_id": (old, new)})
    measured = select(LoggedModelMetric.job_id).where(LoggedModelMetric.model_id == old).distinct()
    for id in session.scalars(measured.where(LoggedModelMetric.job_id.in_(runs))).all():
        _copy_rows(session, LoggedModelMetric, {"model_id": (old, new), "job_id": (id, runs[id].id)})
    linked = RunModel.job_id.in_([job.id for job in runs.values()]) & (RunModel.model_id == old)
    session.execute(update(RunModel).where(linked).values(model_id=new), execution_options=_UNSEEN)
