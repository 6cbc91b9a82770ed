"""Logged models of MLflow 3: made, filled with files, finalized, found and deleted."""

import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access.caller import Caller, may_write_run
from app.errors import Forbidden, Invalid, NotFound
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.jobs.specification.names import generate_name
from app.jobs.tables import Job
from app.kit.clock import now
from app.tracking import names, runs
from app.tracking.tables import LoggedModel, LoggedModelMetric, LoggedModelParam, LoggedModelTag

STATUSES = ("UNSPECIFIED", "PENDING", "READY", "UPLOAD_FAILED")
_NOT_IN_NAMES = ("/", ":", ".", "%", '"', "'")
_WHOLE = (
    joinedload(LoggedModel.experiment),
    joinedload(LoggedModel.job),
    selectinload(LoggedModel.tags),
    selectinload(LoggedModel.params),
)
Pairs = Sequence[tuple[str, str]]


def get(session: Session, workspace_id: int, model_id: str) -> LoggedModel:
    found = select(LoggedModel).where(
        LoggedModel.id == model_id, LoggedModel.workspace_id == workspace_id, LoggedModel.lifecycle_stage == "active"
    )
    model = session.scalar(found.options(*_WHOLE))
    if model is None:
        raise NotFound(f"Logged model with ID {model_id!r} not found.", target="model_id")
    return model


def get_writable(session: Session, caller: Caller, model_id: str) -> LoggedModel:
    model = get(session, caller.workspace.id, model_id)
    if caller.run is not None and not (model.job and may_write_run(session, caller, model.job)):
        raise Forbidden(f"The token belongs to the run {caller.run}; it may not change this model.", target="model_id")
    return model


def by_ids(session: Session, ids: Sequence[str]) -> list[LoggedModel]:
    """Whole models in the order of the ids."""
    found = session.scalars(select(LoggedModel).where(LoggedModel.id.in_(ids)).options(*_WHOLE))
    rows = {model.id: model for model in found}
    return [rows[model_id] for model_id in ids]


def of_job(session: Session, job: Job) -> Sequence[LoggedModel]:
    found = select(LoggedModel).where(LoggedModel.job_id == job.id, LoggedModel.lifecycle_stage == "active")
    return session.scalars(found.options(*_WHOLE).order_by(LoggedModel.created_at)).all()


def metrics_of(session: Session, ids: Sequence[str]) -> dict[str, list[tuple[LoggedModelMetric, str]]]:
    """The newest metrics of some models, each with the id of the run that logged it."""
    found = session.execute(
        select(LoggedModelMetric, Job.name)
        .join(Job, Job.id == LoggedModelMetric.job_id)
        .where(LoggedModelMetric.model_id.in_(ids))
        .order_by(LoggedModelMetric.key)
    )
    metrics: dict[str, list[tuple[LoggedModelMetric, str]]] = {}
    for metric, run in found:
        metrics.setdefault(metric.model_id, []).append((metric, run))
    return metrics


def create(
    session: Session,
    caller: Caller,
    experiment: Experiment,
    *,
    name: str = "",
    model_type: str = "",
    run_id: str = "",
    params: Pairs = (),
    tags: Pairs = (),
) -> LoggedModel:
    """With a run's own token a model that names no run belongs to that run."""
    experiments.check_active(experiment)
    if any(mark in name for mark in _NOT_IN_NAMES):
        raise Invalid(
            f"Invalid model name {name!r}. A model's name must not hold any of {' '.join(_NOT_IN_NAMES)}.",
            target="name",
        )
    run = run_id or caller.run
    job = runs.get_writable(session, caller, run) if run else None
    if job and job.files_experiment_id == experiment.id:
        # The client does not know that its run was moved.
        experiment = job.experiment
    model = LoggedModel(
        id="m-" + secrets.token_hex(16),
        workspace_id=caller.workspace.id,
        experiment_id=experiment.id,
        job_id=job.id if job else None,
        name=name or generate_name(),
        model_type=model_type,
        created_by=caller.user.name,
        params=[LoggedModelParam(key=key, value=value) for key, value in _checked_params(params).items()],
        tags=[LoggedModelTag(key=key, value=value) for key, value in _checked_tags(tags).items()],
    )
    model.experiment, model.job = experiment, job
    session.add(model)
    session.flush()
    return model


def finalize(session: Session, model: LoggedModel, status: str) -> None:
    if status not in STATUSES:
        raise Invalid(f"status: {status!r} is not one of {', '.join(STATUSES)}.", target="status")
    model.status, model.updated_at = status, now()
    session.flush()


def delete(session: Session, model: LoggedModel) -> None:
    model.lifecycle_stage, model.updated_at = "deleted", now()
    session.flush()


def set_tags(session: Session, model: LoggedModel, tags: Pairs) -> None:
    for key, value in _checked_tags(tags).items():
        session.merge(LoggedModelTag(model_id=model.id, key=key, value=value))
    session.flush()
    session.expire(model, ["tags"])


def delete_tag(session: Session, model: LoggedModel, key: str) -> None:
    found = next((tag for tag in model.tags if tag.key == key), None)
    if found is None:
        raise NotFound(f"No tag with key {key!r} found for model with ID {model.id!r}.", target="tag_key")
    model.tags.remove(found)
    session.flush()


def log_params(session: Session, model: LoggedModel, params: Pairs) -> None:
    for key, value in _checked_params(params).items():
        session.merge(LoggedModelParam(model_id=model.id, key=key, value=value))
    session.flush()
    session.expire(model, ["params"])


def _checked_tags(tags: Pairs) -> dict[str, str]:
    return {names.check_key(key, "tag"): names.check_value(key, value, "tag", names.LONGEST_TAG) for key, value in tags}


def _checked_params(params: Pairs) -> dict[str, str]:
    return {
        names.check_key(key, "param"): names.check_value(key, value, "param", names.LONGEST_PARAM)
        for key, value in params
    }
