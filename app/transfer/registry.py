"""Takes in registered models and their versions as they were elsewhere."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.dialects.mlflow.arguments import Arguments
from app.errors import AtelierError, Conflict, Invalid
from app.jobs.results import link
from app.kit.clock import milliseconds, now
from app.kit.storage import store
from app.models import mlmodel, prompts, queries, service, sources
from app.models.tables import ModelAlias, ModelVersion, RegisteredModel
from app.tracking import runs
from app.transfer import logged_models
from app.transfer.records import ModelPart, Outcome, part_of

_LOGGED_MODEL = re.compile(r"models:/(m-[\w-]+)")
TYPES = (*service.TYPES, prompts.TYPE)


def registered_model(session: Session, caller: Caller, given: Arguments) -> Outcome:
    """One of the same name is joined, and gets the tags, description and aliases that it lacks."""
    name, tags = given.text("name"), dict(given.pairs("tags"))
    model = queries.find(session, caller.workspace.id, name)
    created = model is None
    if model is None:
        description = given.optional_text("description")
        model = service.create(session, caller.workspace.id, name, description=description, tags=tags)
        part = part_of(given, ModelPart) or ModelPart()
        model.archived = part.archived
        model.created_at = given.time("creation_timestamp") or model.created_at
        model.updated_at = given.time("last_updated_timestamp") or model.created_at
        session.flush()
    elif lacking := tags.keys() - model.tags.keys():
        model.tags = {**model.tags, **service.checked_tags({key: tags[key] for key in lacking})}
    missing = []
    for item in given.objects("aliases"):
        missing += _alias(session, model, item.text("alias"), queries.version_number(item.text("version")))
    return Outcome(name, created, missing)


def _alias(session: Session, model: RegisteredModel, alias: str, number: int) -> list[str]:
    if session.get(ModelAlias, (model.id, alias)):
        return []
    version = _find(session, model, number)
    if version is None:
        return [f"The version {number} that {alias!r} of {model.name} names is not here."]
    updated_at = model.updated_at
    service.set_alias(session, version, alias)
    model.updated_at = updated_at
    session.flush()
    return []


def model_version(session: Session, caller: Caller, given: Arguments) -> Outcome:
    """A version with its number, and a copy of the files where its source is something that is here.

    Raises Conflict where that version is here and was made at another time.
    """
    model = queries.get(session, caller.workspace.id, given.text("name"))
    number = queries.version_number(given.text("version"))
    version = _find(session, model, number)
    created = version is None
    if version is None:
        version = _create(session, caller, model, number, given)
    elif milliseconds(version.created_at) != given.integer("creation_timestamp", milliseconds(version.created_at)):
        raise Conflict(
            f"Version {number} of {model.name} is here already, and it is another one: it was made at "
            f"{version.created_at:%Y-%m-%d %H:%M:%S} UTC from {version.source!r}. It was left as it is.",
            target="version",
        )
    missing = _link_run(session, version, given.optional_text("run_id"))
    if not version.file_count:
        missing += _take_files(session, caller, version)
    for alias in given.texts("aliases"):
        missing += _alias(session, model, alias, number)
    return Outcome(f"{model.name}/{number}", created, missing)


def _find(session: Session, model: RegisteredModel, number: int) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.model_id == model.id, ModelVersion.version == number))


def _create(session: Session, caller: Caller, model: RegisteredModel, number: int, given: Arguments) -> ModelVersion:
    part = part_of(given, ModelPart) or ModelPart()
    kind = part.type or (prompts.TYPE if model.is_prompt else "custom_model")
    if kind not in TYPES:
        raise Invalid(f"atelier.type: {kind!r} is not one of {', '.join(TYPES)}.", target="type")
    stage = given.optional_text("current_stage", "None") or "None"
    if stage.lower() not in service.STAGES:
        raise Invalid(f"current_stage: {stage!r} is not one of {', '.join(service.STAGES.values())}.", target="stage")
    made_at = given.time("creation_timestamp") or now()
    source, logged_model = _of_logged_model(session, model, given)
    made = ModelVersion(
        model_id=model.id,
        version=number,
        type=kind,
        path=service.free_place(session, model.workspace_id, model.name, number),
        source=source,
        run_link=given.optional_text("run_link") or None,
        logged_model=logged_model,
        description=given.optional_text("description"),
        tags=service.checked_tags(dict(given.pairs("tags"))),
        properties=part.properties,
        stage=service.STAGES[stage.lower()],
        archived=part.archived,
        created_by=given.optional_text("user_id") or caller.user.name,
        created_at=made_at,
        updated_at=given.time("last_updated_timestamp") or made_at,
    )
    made.model = model
    session.add(made)
    session.flush()
    return made


def _of_logged_model(session: Session, model: RegisteredModel, given: Arguments) -> tuple[str, str | None]:
    """Source and logged model of a version, by the ids that logged models have here."""
    source, model_id = given.optional_text("source"), given.optional_text("model_id") or None
    named = _LOGGED_MODEL.fullmatch(source)
    if named and (found := logged_models.find(session, model.workspace_id, named[1])):
        source = f"models:/{found.id}"
    if model_id and (found := logged_models.find(session, model.workspace_id, model_id)):
        model_id = found.id
    return source, model_id


def _link_run(session: Session, version: ModelVersion, run_id: str) -> list[str]:
    if not run_id or version.job_id is not None:
        return []
    job = runs.find(session, version.model.workspace_id, run_id)
    if job is None:
        return [f"The run {run_id} that made version {version.version} of {version.model.name} is not here."]
    version.job_id = job.id
    label = f"{version.model.name}:{version.version}"
    link(session, job, "output", label, "model", version.model.name, str(version.version))
    session.flush()
    return []


def _take_files(session: Session, caller: Caller, version: ModelVersion) -> list[str]:
    """Files that were sent, else a copy of those at the source; then what they say of the model."""
    if version.type == prompts.TYPE:
        return []
    if not store().list(version.path):
        try:
            found = sources.resolve(session, caller.workspace.id, version.source)
        except AtelierError:
            return [f"The files of version {version.version} of {version.model.name} are not here."]
        single = store().size(found.key) is not None
        store().copy(found.key, f"{version.path}/{found.key.rpartition('/')[2]}" if single else version.path)
    version.file_count, version.size_bytes = store().total_size(version.path)
    described = mlmodel.describe(version.path)
    if described is not None:
        version.flavors, version.signature = described.flavors, described.signature
        version.input_example = described.input_example
        version.type = "mlflow_model" if version.type == "custom_model" else version.type
    session.flush()
    return []
