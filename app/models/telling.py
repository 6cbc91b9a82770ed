"""Publishes what happens in the registry, in the words of MLflow's webhooks."""

from sqlalchemy.orm import Session

from app.kit.events import publish
from app.models.events import RegistryChanged
from app.models.tables import IS_PROMPT, PROMPT_TEXT, PROMPT_TYPE, ModelVersion, RegisteredModel


def created(session: Session, model: RegisteredModel) -> None:
    said = {"name": model.name, "tags": _plain(model.tags), "description": model.description}
    _tell(session, model, "prompt.created" if model.is_prompt else "registered_model.created", said)


def version_created(session: Session, version: ModelVersion, run: str | None = None) -> None:
    named = {"name": version.model.name, "version": str(version.version)}
    said = {"tags": _plain(version.tags), "description": version.description or None}
    if version.model.is_prompt:
        said = {"template": version.tags.get(PROMPT_TEXT), **said}
        _tell(session, version.model, "prompt_version.created", named | said)
    else:
        said = {"source": version.source, "run_id": run, **said}
        _tell(session, version.model, "model_version.created", named | said)


def tags_changed(session: Session, thing: RegisteredModel | ModelVersion, before: dict, after: dict) -> None:
    """One event a tag. MLflow has none for the tags of a model that is no prompt."""
    version = thing if isinstance(thing, ModelVersion) else None
    model = version.model if version else thing
    if not version and not model.is_prompt:
        return
    named = {"name": model.name} | ({"version": str(version.version)} if version else {})
    part = f"{_word(model)}_version_tag" if version else "prompt_tag"
    for key, value in after.items():
        if before.get(key) != value:
            _tell(session, model, f"{part}.set", {**named, "key": key, "value": value})
    for key in before.keys() - after.keys():
        _tell(session, model, f"{part}.deleted", {**named, "key": key})


def alias_created(session: Session, version: ModelVersion, alias: str) -> None:
    said = {"name": version.model.name, "alias": alias, "version": str(version.version)}
    _tell(session, version.model, f"{_aliases(version.model)}.created", said)


def alias_deleted(session: Session, model: RegisteredModel, alias: str) -> None:
    _tell(session, model, f"{_aliases(model)}.deleted", {"name": model.name, "alias": alias})


def _word(model: RegisteredModel) -> str:
    return "prompt" if model.is_prompt else "model"


def _aliases(model: RegisteredModel) -> str:
    return "prompt_alias" if model.is_prompt else "model_version_alias"


def _plain(tags: dict[str, str]) -> dict[str, str]:
    """Without those by which MLflow knows a prompt."""
    return {key: value for key, value in tags.items() if key not in (IS_PROMPT, PROMPT_TYPE, PROMPT_TEXT)}


def _tell(session: Session, model: RegisteredModel, kind: str, data: dict) -> None:
    publish(session, RegistryChanged(model.workspace_id, kind, data))
