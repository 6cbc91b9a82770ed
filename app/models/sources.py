"""Finds the files that a model version is to be made of, from any of the forms that name them."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assets import addresses
from app.assets.addresses import AssetVersion, JobOutput, LoggedModelFiles, RunArtifact, Stored
from app.errors import Invalid, NotFound
from app.jobs import places
from app.jobs import queries as jobs
from app.jobs.tables import Job
from app.kit.storage import safe_key, store
from app.models import queries
from app.registries import queries as registries
from app.tracking import artifacts, logged_models
from app.tracking.tables import LoggedModel


@dataclass(frozen=True)
class Source:
    """`key` is where the files lie; `job` made them, and `logged_model` is MLflow's id of them, where known."""

    key: str
    job: Job | None = None
    logged_model: str | None = None


def resolve(session: Session, workspace_id: int, source: str) -> Source:
    """Raises Invalid for a form that is not known, and NotFound when nothing lies there."""
    found = _resolve(session, workspace_id, source)
    if store().size(found.key) is None and not store().list(found.key):
        raise NotFound(f"source: there is nothing at {source!r}.", target="source")
    return found


def as_input(session: Session, workspace_id: int, source: str) -> dict:
    """What an input of a job that names files of a run means: `{"key", "job"}`."""
    found = resolve(session, workspace_id, source)
    return {"key": found.key, "job": found.job.name if found.job else None}


def as_data(session: Session, workspace_id: int, path: str) -> tuple[str, int | None]:
    """The storage key of what a job left, for a data asset, and the id of that job."""
    try:
        found = resolve(session, workspace_id, path)
    except NotFound as error:
        raise NotFound(f"path: {error.message.removeprefix('source: ')}", target="path") from error
    return found.key, found.job.id if found.job else None


def _resolve(session: Session, workspace_id: int, source: str) -> Source:
    if source.startswith(artifacts.SCHEME):
        return _proxied(session, workspace_id, source.removeprefix(artifacts.SCHEME))
    address = addresses.parse(source, "source")
    match address:
        case Stored(path):
            return Source(f"workspaces/{workspace_id}/{safe_key(path)}")
        case JobOutput(name, output, path):
            job = jobs.get(session, workspace_id, name)
            if places.holds_artifacts(job, output):
                return _of_run(session, job, path.rstrip("/"))
            return Source(safe_key(places.output_key(job, output), path), job)
        case RunArtifact(name, path):
            return _of_run(session, jobs.get(session, workspace_id, name), path)
        case LoggedModelFiles(model_id):
            return _of_logged_model(logged_models.get(session, workspace_id, model_id))
        case AssetVersion(name, version, label, _):
            home = registries.home_of(session, workspace_id, address)
            known = queries.get_version(session, home, name, version, label)
            return Source(known.path, queries.job_of(session, known), known.logged_model)
    raise Invalid(f"source: {source!r} lies elsewhere; upload the files first.", target="source")


def _proxied(session: Session, workspace_id: int, path: str) -> Source:
    """`mlflow-artifacts:/…`, with or without a host."""
    path = path.removeprefix("/").partition("/")[2] if path.startswith("/") else path
    if path.startswith(artifacts.REGISTERED):
        return Source(f"workspaces/{workspace_id}/{safe_key(path)}")
    place = artifacts.place(workspace_id, path)
    if place.model:
        return _of_logged_model(logged_models.get(session, workspace_id, place.model))
    return Source(place.key, jobs.get(session, workspace_id, place.run))


def _of_logged_model(model: LoggedModel) -> Source:
    return Source(artifacts.model_key(model), model.job, model.id)


def _of_run(session: Session, job: Job, path: str) -> Source:
    """Since MLflow 3 a run's model lies with the logged model of that name, not among the run's artifacts."""
    key = safe_key(places.artifact_key(job), path)
    if store().size(key) is not None or store().list(key):
        return Source(key, job)
    name = path.split("/")[0]
    found = session.scalar(
        select(LoggedModel)
        .where(LoggedModel.job_id == job.id, LoggedModel.name == name, LoggedModel.lifecycle_stage == "active")
        .order_by(LoggedModel.created_at.desc())
        .limit(1)
    )
    return _of_logged_model(found) if found else Source(key, job)
