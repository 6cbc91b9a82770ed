"""Reads of the model registry."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.assets.addresses import AssetVersion
from app.errors import Invalid, NotFound
from app.jobs.tables import Job
from app.kit.paging import Page
from app.models.tables import IS_PROMPT, ModelAlias, ModelVersion, RegisteredModel

SORTS = {"updated": RegisteredModel.updated_at, "created": RegisteredModel.created_at, "name": RegisteredModel.name}


def find(session: Session, workspace_id: int, name: str) -> RegisteredModel | None:
    return session.scalar(
        select(RegisteredModel).where(RegisteredModel.workspace_id == workspace_id, RegisteredModel.name == name)
    )


def get(session: Session, workspace_id: int, name: str) -> RegisteredModel:
    model = find(session, workspace_id, name)
    if model is None:
        raise NotFound(f"There is no registered model {name!r} in this workspace.", target="name")
    return model


def page(
    session: Session,
    workspace_id: int,
    *,
    text: str = "",
    sort: str = "-updated",
    archived: bool = False,
    number: int = 1,
    size: int = 50,
) -> Page:
    """Rows are pairs of a registered model and its newest version, None where it has no version."""
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise Invalid(
            f"sort: {sort!r} is not a column. Use one of {', '.join(SORTS)}, with '-' for falling.", target="sort"
        )
    found = select(RegisteredModel).where(
        RegisteredModel.workspace_id == workspace_id,
        RegisteredModel.archived == archived,
        func.coalesce(RegisteredModel.tags[IS_PROMPT].as_string(), "false") != "true",
    )
    if text:
        found = found.where(RegisteredModel.name.icontains(text, autoescape=True))
    total = session.scalar(found.with_only_columns(func.count(RegisteredModel.id)))
    order = column.desc() if sort.startswith("-") else column.asc()
    rows = session.scalars(found.order_by(order, RegisteredModel.id).offset((number - 1) * size).limit(size)).all()
    newest = newest_versions(session, [model.id for model in rows])
    return Page([(model, newest.get(model.id)) for model in rows], total, number, size)


def newest_versions(session: Session, model_ids: Sequence[int]) -> dict[int, ModelVersion]:
    newest = (
        select(ModelVersion.model_id, func.max(ModelVersion.version).label("version"))
        .where(ModelVersion.model_id.in_(model_ids), ModelVersion.archived.is_(False))
        .group_by(ModelVersion.model_id)
        .subquery()
    )
    found = session.scalars(
        select(ModelVersion).join(
            newest, (newest.c.model_id == ModelVersion.model_id) & (newest.c.version == ModelVersion.version)
        )
    )
    return {version.model_id: version for version in found}


def versions(session: Session, model: RegisteredModel) -> Sequence[ModelVersion]:
    """Newest first."""
    found = select(ModelVersion).where(ModelVersion.model_id == model.id)
    return session.scalars(found.order_by(ModelVersion.version.desc())).all()


def get_version(
    session: Session, workspace_id: int, name: str, version: str | int | None = None, label: str | None = None
) -> ModelVersion:
    """A version by its number, or by a label: `latest` or an alias; without either the newest."""
    model = get(session, workspace_id, name)
    if version is None and label and label != "latest":
        version = _aliased(session, model, label)
    found = select(ModelVersion).where(ModelVersion.model_id == model.id)
    if version is None:
        found = found.where(ModelVersion.archived.is_(False)).order_by(ModelVersion.version.desc()).limit(1)
    else:
        found = found.where(ModelVersion.version == version_number(version))
    row = session.scalar(found)
    if row is None:
        which = f"version {version}" if version is not None else "version"
        raise NotFound(f"Registered model {name!r} has no {which}.", target="version")
    return row


def _aliased(session: Session, model: RegisteredModel, alias: str) -> int:
    found = session.get(ModelAlias, (model.id, alias))
    if found is None:
        raise NotFound(f"Registered model {model.name!r} has no alias {alias!r}.", target="alias")
    return found.version


def version_number(version: str | int) -> int:
    text = str(version)
    if not text.isdigit() or len(text) > 9:
        raise Invalid(
            f"version: {text!r} is no version of a model. Versions are whole numbers from 1.", target="version"
        )
    return int(text)


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
