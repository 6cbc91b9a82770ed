"""Everything that changes the model registry."""

import re

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.assets.addresses import stored_address
from app.assets.names import check_name
from app.errors import AlreadyExists, Invalid
from app.jobs.events import OutputNamed
from app.jobs.results import link
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.storage import store
from app.models import mlmodel, queries, sources, telling
from app.models.tables import ModelAlias, ModelVersion, RegisteredModel

TYPES = ("mlflow_model", "custom_model", "triton_model")
STAGES = {"none": "None", "staging": "Staging", "production": "Production", "archived": "Archived"}
LONGEST_KEY, LONGEST_VALUE, LONGEST_ALIAS = 250, 100_000, 255
_ALIAS = re.compile(r"[\w-]+")
_VERSION_ALIAS = re.compile(r"[vV]\d+")


def create(
    session: Session, workspace_id: int, name: str, *, description: str = "", tags: dict[str, str] | None = None
) -> RegisteredModel:
    """A registered model without versions; raises AlreadyExists."""
    _check_model_name(name)
    if queries.find(session, workspace_id, name):
        raise AlreadyExists(f"Registered Model (name={name}) already exists.", target="name")
    model = RegisteredModel(
        workspace_id=workspace_id, name=name, description=description, tags=checked_tags(tags or {})
    )
    session.add(model)
    session.flush()
    telling.created(session, model)
    return model


def _check_model_name(name: str, field: str = "name") -> None:
    """MLflow's rule, which lets through more than Azure's: names with spaces and the like."""
    if not name.strip() or len(name) > 255 or name in (".", "..") or re.search(r"[/:\\\x00]", name):
        raise Invalid(
            f"{field}: Invalid model name {name!r}. Names have 1 to 255 characters, none of them '/', ':' or '\\'.",
            target=field,
        )


def register(
    session: Session,
    *,
    workspace_id: int,
    name: str,
    source: str,
    job: Job | None = None,
    type: str | None = None,
    description: str = "",
    tags: dict[str, str] | None = None,
    properties: dict | None = None,
    run_link: str | None = None,
    version: str | None = None,
    files: sources.Source | None = None,
    created_by: str,
) -> ModelVersion:
    """A new version with a copy of its own of the files at `source`; the model is made if there is none.

    `source` is `azureml://jobs/J/outputs/O/paths/P`, `azureml://datastores/…`, `runs:/…`, `models:/…` or
    `mlflow-artifacts:/…`. Without a type it is mlflow_model where there is an MLmodel file. With `files` it only says
    where they came from.
    """
    found = files or sources.resolve(session, workspace_id, source)
    described = mlmodel.describe(found.key)
    kind = _type(type, described is not None)
    model = queries.find(session, workspace_id, name) or create(session, workspace_id, check_name(name))
    number, called = _numbered(session, model, version)
    path = free_place(session, workspace_id, name, number)
    single = store().size(found.key) is not None
    store().copy(found.key, f"{path}/{found.key.rpartition('/')[2]}" if single else path)
    file_count, size = store().total_size(path)
    made_by = job or found.job
    described = described or mlmodel.Description()
    made = ModelVersion(
        model_id=model.id, version=number, called=called, type=kind, path=path, source=source,
        job_id=made_by.id if made_by else None, run_link=run_link, logged_model=found.logged_model,
        description=description, tags=checked_tags(tags or {}), properties=properties or {},
        flavors=described.flavors, signature=described.signature, input_example=described.input_example,
        file_count=file_count, size_bytes=size, created_by=created_by,
    )  # fmt: skip
    made.model = model
    session.add(made)
    model.updated_at, model.archived = now(), False
    session.flush()
    if made_by:
        link(session, made_by, "output", f"{name}:{number}", "model", name, str(number))
    telling.version_created(session, made, made_by.name if made_by else None)
    return made


def _type(type: str | None, has_mlmodel: bool) -> str:
    if type is None:
        return "mlflow_model" if has_mlmodel else "custom_model"
    if type not in TYPES:
        raise Invalid(f"type: {type!r} is no type of a model. It is one of {', '.join(TYPES)}.", target="type")
    if type == "mlflow_model" and not has_mlmodel:
        raise Invalid(
            "type: an mlflow_model has a file MLmodel at its root; there is none in the source.", target="type"
        )
    return type


def _numbered(session: Session, model: RegisteredModel, version: str | None) -> tuple[int, str | None]:
    """The number of a new version, and what it is called where that is no number."""
    if version is None:
        return next_version(session, model), None
    if session.scalar(queries.MODELS.of(model).where(queries.MODELS.is_version(version))):
        raise AlreadyExists(f"Registered model {model.name!r} has a version {version} already.", target="version")
    return (queries.version_number(version), None) if version.isdigit() else (next_version(session, model), version)


def next_version(session: Session, model: RegisteredModel) -> int:
    return (session.scalar(select(func.max(ModelVersion.version)).where(ModelVersion.model_id == model.id)) or 0) + 1


def free_place(session: Session, workspace_id: int, name: str, version: int) -> str:
    """A renamed model keeps its files, so that a new one of the old name has to step aside."""
    key = path = f"workspaces/{workspace_id}/models/{name}/{version}"
    attempt = 1
    while session.scalar(select(ModelVersion.id).where(ModelVersion.path == key)):
        attempt += 1
        key = f"{path}.{attempt}"
    store().delete(key)
    return key


def on_output_named(session: Session, event: OutputNamed) -> None:
    """A job's output that its file names as a model becomes a version of it."""
    job = session.get_one(Job, event.job_id)
    path = event.key.removeprefix(f"workspaces/{job.workspace_id}/")
    source = f"azureml://jobs/{job.name}/outputs/{event.port}"
    if sources.resolve(session, job.workspace_id, source).key != event.key:
        source = stored_address(path)
    register(
        session, workspace_id=job.workspace_id, name=event.name, source=source, job=job, type=event.type,
        version=event.version, created_by=job.created_by,
    )  # fmt: skip


def rename(session: Session, model: RegisteredModel, name: str) -> None:
    _check_model_name(name, "new_name")
    if name != model.name and queries.find(session, model.workspace_id, name):
        raise AlreadyExists(f"Registered Model (name={name}) already exists.", target="new_name")
    model.name, model.updated_at = name, now()
    session.flush()


def change(
    session: Session, thing: RegisteredModel | ModelVersion, *, description: str | None = None,
    tags: dict[str, str] | None = None, archived: bool | None = None,
) -> None:  # fmt: skip
    """`tags` replaces all."""
    before = thing.tags
    if description is not None:
        thing.description = description
    if tags is not None:
        thing.tags = checked_tags(tags)
    if archived is not None:
        thing.archived = archived
    thing.updated_at = now()
    session.flush()
    telling.tags_changed(session, thing, before, thing.tags)


def set_tag(session: Session, thing: RegisteredModel | ModelVersion, key: str, value: str) -> None:
    thing.tags = {**thing.tags, **checked_tags({key: value})}
    thing.updated_at = now()
    session.flush()
    telling.tags_changed(session, thing, {}, {key: value})


def delete_tag(session: Session, thing: RegisteredModel | ModelVersion, key: str) -> None:
    thing.tags = {name: value for name, value in thing.tags.items() if name != key}
    thing.updated_at = now()
    session.flush()
    telling.tags_changed(session, thing, {key: ""}, {})


def move_to_stage(session: Session, version: ModelVersion, stage: str, *, archive_existing: bool = False) -> None:
    known = STAGES.get(stage.lower())
    if known is None:
        raise Invalid(
            f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(STAGES.values())}.", target="stage"
        )
    if archive_existing:
        if known not in ("Staging", "Production"):
            raise Invalid(
                "archive_existing_versions: only a move to Staging or Production can archive what is there.",
                target="archive_existing_versions",
            )
        others = [ModelVersion.model_id == version.model_id, ModelVersion.stage == known, ModelVersion.id != version.id]
        session.execute(update(ModelVersion).where(*others).values(stage="Archived", updated_at=now()))
    version.stage = known
    version.updated_at = version.model.updated_at = now()
    session.flush()


def set_alias(session: Session, version: ModelVersion, alias: str) -> None:
    """Point an alias at a version; the one of that name at another version moves."""
    if not _ALIAS.fullmatch(alias) or len(alias) > LONGEST_ALIAS:
        raise Invalid(
            f"Invalid alias name: {alias!r}. Names have up to {LONGEST_ALIAS} alphanumerics, underscores and dashes.",
            target="alias",
        )
    if alias.lower() == "latest" or _VERSION_ALIAS.fullmatch(alias):
        raise Invalid(f"Alias name {alias!r} is reserved.", target="alias")
    session.merge(ModelAlias(model_id=version.model_id, alias=alias, version=version.version))
    version.model.updated_at = now()
    session.flush()
    telling.alias_created(session, version, alias)


def delete_alias(session: Session, model: RegisteredModel, alias: str) -> None:
    session.execute(sql_delete(ModelAlias).where(ModelAlias.model_id == model.id, ModelAlias.alias == alias))
    model.updated_at = now()
    session.flush()
    telling.alias_deleted(session, model, alias)


def delete_version(session: Session, version: ModelVersion) -> None:
    """The row first: one that an endpoint serves cannot go, and then its files stay too."""
    of_version = [ModelAlias.model_id == version.model_id, ModelAlias.version == version.version]
    session.execute(sql_delete(ModelAlias).where(*of_version))
    model, path = version.model, version.path
    session.delete(version)
    model.updated_at = now()
    session.flush()
    store().delete(path)


def delete(session: Session, model: RegisteredModel) -> None:
    for version in queries.all_versions(session, model):
        delete_version(session, version)
    session.delete(model)
    session.flush()


def get_by_alias(session: Session, workspace_id: int, name: str, alias: str) -> ModelVersion:
    """Raises Invalid for an alias that does not exist, as MLflow does."""
    if alias == "latest":
        return queries.get_version(session, workspace_id, name)
    model = queries.get(session, workspace_id, name)
    found = session.get(ModelAlias, (model.id, alias))
    if found is None:
        raise Invalid(f"Registered model alias {alias} not found.", target="alias")
    return queries.get_version(session, workspace_id, name, found.version)


def checked_tags(tags: dict[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if not key or len(key) > LONGEST_KEY:
            raise Invalid(f"tags: the name of a tag has 1 to {LONGEST_KEY} characters.", target="tags")
        if len(value) > LONGEST_VALUE:
            raise Invalid(f"tags: the value of {key!r} has more than {LONGEST_VALUE} characters.", target="tags")
    return dict(tags)
