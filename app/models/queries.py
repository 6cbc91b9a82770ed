"""Reads of the model registry."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.assets.addresses import AssetVersion
from app.assets.versioned import Versioned
from app.errors import Invalid
from app.jobs.tables import Job, JobAsset
from app.kit.paging import Page
from app.models.tables import IS_PROMPT, ModelAlias, ModelVersion, RegisteredModel

MOST_USES = 100


def version_number(version: str | int) -> int:
    text = str(version)
    if not text.isdigit() or len(text) > 9:
        raise Invalid(
            f"version: {text!r} is no version of a model. Versions are whole numbers from 1.", target="version"
        )
    return int(text)


def _aliased(session: Session, model: RegisteredModel, alias: str) -> int | None:
    found = session.get(ModelAlias, (model.id, alias))
    return found.version if found else None


MODELS = Versioned(
    "registered model",
    RegisteredModel,
    ModelVersion,
    "model",
    order="version",
    read=version_number,
    labelled=_aliased,
    called="called",
)

find, get, get_version, versions = MODELS.find, MODELS.get, MODELS.get_version, MODELS.versions


def page(session: Session, workspace_id: int, **narrowed: Any) -> Page:
    """As the pages of every kind of asset; prompts are registered models too, and left out."""
    is_none = func.coalesce(RegisteredModel.tags[IS_PROMPT].as_string(), "false") != "true"
    return MODELS.page(session, workspace_id, is_none, **narrowed)


def all_versions(session: Session, model: RegisteredModel) -> Sequence[ModelVersion]:
    """Newest first."""
    return session.scalars(MODELS.of(model).order_by(ModelVersion.version.desc())).all()


def aliases(session: Session, model_ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    """The aliases of some models, each with the version that it names."""
    found: dict[int, list[tuple[str, int]]] = {}
    rows = session.scalars(select(ModelAlias).where(ModelAlias.model_id.in_(model_ids)).order_by(ModelAlias.alias))
    for row in rows:
        found.setdefault(row.model_id, []).append((row.alias, row.version))
    return found


def aliases_of(session: Session, version: ModelVersion) -> list[str]:
    return [
        alias
        for alias, number in aliases(session, [version.model_id]).get(version.model_id, [])
        if number == version.version
    ]


def job_names(session: Session, versions: Sequence[ModelVersion]) -> dict[int, str]:
    """The names of the jobs that made some versions, by the job's id."""
    ids = {version.job_id for version in versions if version.job_id}
    return dict(session.execute(select(Job.id, Job.name).where(Job.id.in_(ids))).all()) if ids else {}


def job_of(session: Session, version: ModelVersion) -> Job | None:
    return session.get(Job, version.job_id) if version.job_id else None


def of_job(session: Session, job: Job) -> Sequence[ModelVersion]:
    """The versions that were registered from a job."""
    return session.scalars(select(ModelVersion).where(ModelVersion.job_id == job.id).order_by(ModelVersion.id)).all()


def as_input(session: Session, workspace_id: int, address: AssetVersion) -> dict:
    """What an input of a job that names a model means: `{"key", "asset"}`."""
    found = get_version(session, workspace_id, address.name, address.version, address.label)
    asset = {"kind": "model", "name": found.model.name, "version": str(found.version), "type": found.type}
    return {"key": found.path, "asset": asset}


def made_in(session: Session, workspace_id: int, name: str, version: str | None = None) -> Sequence[ModelVersion]:
    """The versions of models that come from jobs in a registered environment, newest first."""
    edge = [JobAsset.kind == "environment", JobAsset.asset_name == name]
    if version is not None:
        edge.append(JobAsset.asset_version == version)
    found = (
        select(ModelVersion)
        .join(RegisteredModel, ModelVersion.model_id == RegisteredModel.id)
        .join(JobAsset, JobAsset.job_id == ModelVersion.job_id)
        .where(RegisteredModel.workspace_id == workspace_id, *edge)
    )
    return session.scalars(found.order_by(ModelVersion.id.desc()).limit(MOST_USES)).all()
