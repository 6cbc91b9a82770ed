"""MLflow's calls about registered models and their versions."""

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow import shapes
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.jobs import queries as jobs
from app.kit.clock import milliseconds
from app.models import prompts, queries, search, service
from app.models.permissions import READ, WRITE
from app.models.tables import ModelVersion, RegisteredModel
from app.tracking.artifacts import SCHEME
from app.web.session import ReadSessionDep, SessionDep

router = APIRouter()
MOST_MODELS, DEFAULT_MODELS = 1000, 100
MOST_VERSIONS, DEFAULT_VERSIONS = 200_000, 10_000


def _models(session, models: list[RegisteredModel]) -> list[dict]:
    aliases = queries.aliases(session, [model.id for model in models])
    return [_model(session, model, aliases.get(model.id, [])) for model in models]


def _model(session, model: RegisteredModel, aliases: list[tuple[str, int]]) -> dict:
    shown: dict = {
        "name": model.name,
        "creation_timestamp": milliseconds(model.created_at),
        "last_updated_timestamp": milliseconds(model.updated_at),
        "description": model.description,
    }
    if latest := versions_shown(session, _latest(queries.all_versions(session, model))):
        shown["latest_versions"] = latest
    if model.tags:
        shown["tags"] = shapes.pairs(model.tags.items())
    if aliases:
        shown["aliases"] = [{"alias": alias, "version": str(version)} for alias, version in aliases]
    return shown


def _latest(versions) -> list[ModelVersion]:
    """The newest version in each stage, oldest first."""
    newest: dict[str, ModelVersion] = {}
    for version in versions:
        newest.setdefault(version.stage, version)
    return sorted(newest.values(), key=lambda version: version.version)


def versions_shown(session, versions: list[ModelVersion]) -> list[dict]:
    aliases = queries.aliases(session, list({version.model_id for version in versions}))
    runs = queries.job_names(session, versions)
    return [_version(version, runs.get(version.job_id, ""), aliases.get(version.model_id, [])) for version in versions]


def _version(version: ModelVersion, run: str, aliases: list[tuple[str, int]]) -> dict:
    shown: dict = {
        "name": version.model.name,
        "version": str(version.version),
        "creation_timestamp": milliseconds(version.created_at),
        "last_updated_timestamp": milliseconds(version.updated_at),
        "user_id": version.created_by,
        "current_stage": version.stage,
        "description": version.description,
        "source": version.source,
        "run_id": run,
        "status": version.status,
        "run_link": version.run_link or "",
    }
    if version.tags:
        shown["tags"] = shapes.pairs(version.tags.items())
    if version.logged_model:
        shown["model_id"] = version.logged_model
    named = [alias for alias, number in aliases if number == version.version]
    return shown | ({"aliases": named} if named else {})


def _find(session, caller, arguments: Arguments) -> RegisteredModel:
    return queries.get(session, caller.workspace.id, arguments.text("name"))


def _find_version(session, caller, arguments: Arguments) -> ModelVersion:
    return queries.get_version(session, caller.workspace.id, arguments.text("name"), arguments.text("version"))


def _label(version: ModelVersion) -> str:
    return f"{version.model.name}:{version.version}"


@router.post("/registered-models/create", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = service.create(
        session, caller.workspace.id, arguments.text("name"), description=arguments.optional_text("description"),
        tags=dict(arguments.pairs("tags")),
    )  # fmt: skip
    note(session, "models", model.name, after={"tags": model.tags})
    return answer({"registered_model": _models(session, [model])[0]})


@router.post("/registered-models/rename", dependencies=[allow(WRITE)])
def rename(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = _find(session, caller, arguments)
    before = model.name
    service.rename(session, model, arguments.text("new_name"))
    note(session, "models", before, before={"name": before}, after={"name": model.name})
    return answer({"registered_model": _models(session, [model])[0]})


@router.patch("/registered-models/update", dependencies=[allow(WRITE)])
def update(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = _find(session, caller, arguments)
    before = model.description
    service.change(session, model, description=arguments.optional_text("description"))
    note(session, "models", model.name, before={"description": before}, after={"description": model.description})
    return answer({"registered_model": _models(session, [model])[0]})


@router.delete("/registered-models/delete", dependencies=[allow(WRITE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = _find(session, caller, arguments)
    service.delete(session, model)
    note(session, "models", model.name, after={"deleted": True})
    return answer()


@router.get("/registered-models/get", dependencies=[allow(READ)])
def get(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"registered_model": _models(session, [_find(session, caller, arguments)])[0]})


@router.get("/registered-models/search", dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_MODELS, MOST_MODELS)
    found = search.search_models(
        session, caller.workspace.id, filter=arguments.optional_text("filter"), order_by=arguments.texts("order_by"),
        offset=offset, count=count + 1,
    )  # fmt: skip
    return paged("registered_models", _models(session, found), offset, count)


@router.api_route("/registered-models/get-latest-versions", methods=["GET", "POST"], dependencies=[allow(READ)])
def latest_versions(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    found = _latest(queries.all_versions(session, _find(session, caller, arguments)))
    stages = {service.STAGES.get(stage.lower(), stage) for stage in arguments.texts("stages")}
    found = [version for version in found if not stages or version.stage in stages]
    return answer({"model_versions": versions_shown(session, found)} if found else {})


@router.post("/registered-models/set-tag", dependencies=[allow(WRITE)])
def set_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = _find(session, caller, arguments)
    service.set_tag(session, model, arguments.text("key"), arguments.value("value"))
    note(session, "models", model.name, after={"tags": model.tags})
    return answer()


@router.delete("/registered-models/delete-tag", dependencies=[allow(WRITE)])
def delete_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = _find(session, caller, arguments)
    service.delete_tag(session, model, arguments.text("key"))
    note(session, "models", model.name, after={"tags": model.tags})
    return answer()


@router.post("/registered-models/alias", dependencies=[allow(WRITE)])
def set_alias(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = _find_version(session, caller, arguments)
    service.set_alias(session, version, arguments.text("alias"))
    note(session, "models", _label(version), after={"alias": arguments.text("alias")})
    return answer()


@router.delete("/registered-models/alias", dependencies=[allow(WRITE)])
def delete_alias(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = _find(session, caller, arguments)
    service.delete_alias(session, model, arguments.text("alias"))
    note(session, "models", model.name, before={"alias": arguments.text("alias")})
    return answer()


@router.get("/registered-models/alias", dependencies=[allow(READ)])
def get_by_alias(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = service.get_by_alias(session, caller.workspace.id, arguments.text("name"), arguments.text("alias"))
    return answer({"model_version": versions_shown(session, [version])[0]})


@router.post("/model-versions/create", dependencies=[allow(WRITE)])
def create_version(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """`model_id` names the logged model that an old-style source stands for."""
    model = _find(session, caller, arguments)
    if model.is_prompt:
        return _create_prompt(arguments, session, caller, model)
    run = arguments.optional_text("run_id")
    version = service.register(
        session, workspace_id=caller.workspace.id, name=model.name, source=arguments.text("source"),
        job=jobs.find(session, caller.workspace.id, run) if run else None,
        description=arguments.optional_text("description"), tags=dict(arguments.pairs("tags")),
        run_link=arguments.optional_text("run_link") or None, created_by=caller.user.name,
    )  # fmt: skip
    if not version.logged_model and "model_id" in arguments:
        version.logged_model = arguments.text("model_id")
    note(session, "models", _label(version), after={"source": version.source})
    return answer({"model_version": versions_shown(session, [version])[0]})


def _create_prompt(arguments: Arguments, session, caller, model) -> Response:
    version = prompts.register(
        session, model, source=arguments.text("source"), description=arguments.optional_text("description"),
        tags=dict(arguments.pairs("tags")), created_by=caller.user.name,
    )  # fmt: skip
    note(session, "models", _label(version), after={"prompt": True})
    return answer({"model_version": versions_shown(session, [version])[0]})


@router.patch("/model-versions/update", dependencies=[allow(WRITE)])
def update_version(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = _find_version(session, caller, arguments)
    before = version.description
    service.change(session, version, description=arguments.optional_text("description"))
    note(session, "models", _label(version), before={"description": before}, after={"description": version.description})
    return answer({"model_version": versions_shown(session, [version])[0]})


@router.post("/model-versions/transition-stage", dependencies=[allow(WRITE)])
def transition_stage(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = _find_version(session, caller, arguments)
    before = version.stage
    archive = arguments.flag("archive_existing_versions")
    service.move_to_stage(session, version, arguments.text("stage"), archive_existing=archive)
    note(session, "models", _label(version), before={"stage": before}, after={"stage": version.stage})
    return answer({"model_version": versions_shown(session, [version])[0]})


@router.delete("/model-versions/delete", dependencies=[allow(WRITE)])
def delete_version(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = _find_version(session, caller, arguments)
    note(session, "models", _label(version), after={"deleted": True})
    service.delete_version(session, version)
    return answer()


@router.get("/model-versions/get", dependencies=[allow(READ)])
def get_version(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"model_version": versions_shown(session, [_find_version(session, caller, arguments)])[0]})


@router.get("/model-versions/search", dependencies=[allow(READ)])
def find_versions(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_VERSIONS, MOST_VERSIONS)
    found = search.search_versions(
        session, caller.workspace.id, filter=arguments.optional_text("filter"), order_by=arguments.texts("order_by"),
        offset=offset, count=count + 1,
    )  # fmt: skip
    return paged("model_versions", versions_shown(session, found), offset, count)


@router.get("/model-versions/get-download-uri", dependencies=[allow(READ)])
def download_uri(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """Where the version's own copy lies, so that it outlives the run that it came from."""
    version = _find_version(session, caller, arguments)
    path = version.path.removeprefix(f"workspaces/{version.model.workspace_id}/")
    return answer({"artifact_uri": f"{SCHEME}{path}"})


@router.post("/model-versions/set-tag", dependencies=[allow(WRITE)])
def set_version_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = _find_version(session, caller, arguments)
    service.set_tag(session, version, arguments.text("key"), arguments.value("value"))
    note(session, "models", _label(version), after={"tags": version.tags})
    return answer()


@router.delete("/model-versions/delete-tag", dependencies=[allow(WRITE)])
def delete_version_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    version = _find_version(session, caller, arguments)
    service.delete_tag(session, version, arguments.text("key"))
    note(session, "models", _label(version), after={"tags": version.tags})
    return answer()
