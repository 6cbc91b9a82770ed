"""MLflow's calls that say what a run read and made: datasets and models."""

import json

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, run_id_of
from app.errors import Invalid
from app.tracking import inputs, runs
from app.tracking.inputs import DatasetRead
from app.tracking.permissions import WRITE
from app.web.session import SessionDep

router = APIRouter(prefix="/runs")
_MODEL_FIELDS = ("artifact_path", "flavors", "utc_time_created", "run_id")


@router.post("/log-inputs", dependencies=[allow(WRITE)])
def log_inputs(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    read = [dataset_of(item) for item in arguments.objects("datasets")]
    models = [item.text("model_id") for item in arguments.objects("models")]
    run = runs.reference(session, caller, arguments.text("run_id"))
    inputs.log_datasets(session, run, read)
    inputs.log_models(session, caller, run, "input", dict.fromkeys(models, 0))
    return answer()


def dataset_of(arguments: Arguments) -> DatasetRead:
    found = arguments.object("dataset")
    return DatasetRead(
        name=found.text("name"),
        digest=found.text("digest"),
        source_type=found.text("source_type"),
        source=found.text("source"),
        schema=found.fields.get("schema"),
        profile=found.fields.get("profile"),
        tags=dict(arguments.pairs("tags")),
    )


@router.post("/outputs", dependencies=[allow(WRITE)])
def log_outputs(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    models = {item.text("model_id"): item.integer("step", 0) for item in arguments.objects("models")}
    inputs.log_models(session, caller, runs.reference(session, caller, arguments.text("run_id")), "output", models)
    return answer()


@router.post("/log-model", dependencies=[allow(WRITE)])
def log_model(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    run = runs.reference(session, caller, run_id_of(arguments))
    text = arguments.text("model_json")
    try:
        model = json.loads(text)
    except ValueError as error:
        raise Invalid(f"Malformed model info. model_json is no JSON: {error}", target="model_json") from error
    missing = [name for name in _MODEL_FIELDS if name not in model] if isinstance(model, dict) else _MODEL_FIELDS
    if missing:
        raise Invalid(f"Model json is missing mandatory fields: {', '.join(missing)}", target="model_json")
    inputs.note_model(session, run, model)
    return answer()
