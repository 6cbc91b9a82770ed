"""MLflow's calls that log into a run: metrics, parameters, tags, data and models."""

import json

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, run_id_of
from app.errors import Invalid
from app.tracking import inputs, runs, service
from app.tracking.inputs import DatasetRead
from app.tracking.metrics import Metric
from app.tracking.names import check_batch
from app.tracking.permissions import WRITE
from app.web.session import SessionDep

router = APIRouter(prefix="/runs")
_MODEL_FIELDS = ("artifact_path", "flavors", "utc_time_created", "run_id")


def _metric(arguments: Arguments) -> Metric:
    return Metric(
        arguments.text("key"),
        arguments.number("value"),
        arguments.integer("timestamp"),
        arguments.integer("step", 0),
        arguments.optional_text("model_id") or None,
        arguments.optional_text("dataset_name"),
        arguments.optional_text("dataset_digest"),
    )


@router.post("/log-metric", dependencies=[allow(WRITE)])
def log_metric(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    metric = _metric(arguments)
    run = runs.reference(session, caller, run_id_of(arguments))
    service.log_batch(session, run, metrics=[metric])
    return answer()


@router.post("/log-parameter", dependencies=[allow(WRITE)])
def log_parameter(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    param = arguments.text("key"), arguments.value("value")
    run = runs.reference(session, caller, run_id_of(arguments))
    service.log_batch(session, run, params=[param])
    return answer()


@router.post("/log-batch", dependencies=[allow(WRITE)])
def log_batch(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    metrics, params, tags = arguments.objects("metrics"), arguments.objects("params"), arguments.objects("tags")
    check_batch(len(metrics), len(params), len(tags))
    points = [_metric(item) for item in metrics]
    run = runs.reference(session, caller, run_id_of(arguments))
    service.log_batch(session, run, points, arguments.pairs("params"), arguments.pairs("tags"))
    return answer()


@router.post("/set-tag", dependencies=[allow(WRITE)])
def set_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    tag = arguments.text("key"), arguments.value("value")
    service.log_batch(session, runs.reference(session, caller, run_id_of(arguments)), tags=[tag])
    return answer()


@router.post("/delete-tag", dependencies=[allow(WRITE)])
def delete_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    service.delete_tag(session, runs.reference(session, caller, arguments.text("run_id")), arguments.text("key"))
    return answer()


@router.post("/log-inputs", dependencies=[allow(WRITE)])
def log_inputs(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    read = [_dataset(item) for item in arguments.objects("datasets")]
    models = [item.text("model_id") for item in arguments.objects("models")]
    run = runs.reference(session, caller, arguments.text("run_id"))
    inputs.log_datasets(session, run, read)
    inputs.log_models(session, caller, run, "input", dict.fromkeys(models, 0))
    return answer()


def _dataset(arguments: Arguments) -> DatasetRead:
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
