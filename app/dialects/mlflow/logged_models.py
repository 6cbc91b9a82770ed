"""MLflow 3's calls about logged models."""

import math

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow
from app.dialects.mlflow import shapes
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.errors import Invalid
from app.experiments import queries as experiments
from app.jobs.permissions import READ
from app.kit.clock import milliseconds
from app.tracking import logged_models, model_search
from app.tracking.artifacts import entries, model_key, model_uri
from app.tracking.model_search import DatasetName, ModelOrder
from app.tracking.permissions import WRITE
from app.tracking.tables import LoggedModel
from app.web.session import ReadSessionDep, SessionDep

router = APIRouter(prefix="/logged-models")
PREFIX = "LOGGED_MODEL_"
STATUSES = {f"{PREFIX}{name}": name for name in logged_models.STATUSES} | {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": "UNSPECIFIED"
}
_CODES = {"1": "PENDING", "2": "READY", "3": "UPLOAD_FAILED"}
MOST_FOUND, DEFAULT_FOUND = 50_000, 100


def shapes_of(session, models: list[LoggedModel]) -> list[dict]:
    metrics = logged_models.metrics_of(session, [model.id for model in models])
    return [{"info": _info(model), "data": _data(model, metrics.get(model.id, []))} for model in models]


def _info(model: LoggedModel) -> dict:
    shown = {
        "model_id": model.id,
        "experiment_id": str(model.experiment_id),
        "name": model.name,
        "creation_timestamp_ms": milliseconds(model.created_at),
        "last_updated_timestamp_ms": milliseconds(model.updated_at),
        "artifact_uri": model_uri(model),
        "status": f"{PREFIX}{model.status}" if model.status != "UNSPECIFIED" else "LOGGED_MODEL_STATUS_UNSPECIFIED",
        "model_type": model.model_type,
        "source_run_id": model.job.name if model.job else "",
    }
    return shown | ({"tags": shapes.pairs((tag.key, tag.value) for tag in model.tags)} if model.tags else {})


def _data(model: LoggedModel, metrics: list) -> dict:
    shown: dict = {}
    if model.params:
        shown["params"] = shapes.pairs((param.key, param.value) for param in model.params)
    if metrics:
        shown["metrics"] = [_metric(metric, run) for metric, run in metrics]
    return shown


def _metric(metric, run: str) -> dict:
    value = math.nan if metric.value is None else metric.value
    shown = {"key": metric.key, "value": shapes.number(value), "timestamp": metric.timestamp, "step": metric.step}
    if metric.dataset_name:
        shown |= {"dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest}
    return shown | {"model_id": metric.model_id, "run_id": run}


@router.post("", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    model = logged_models.create(
        session, caller, experiment, name=arguments.optional_text("name"),
        model_type=arguments.optional_text("model_type"), run_id=arguments.optional_text("source_run_id"),
        params=arguments.pairs("params"), tags=arguments.pairs("tags"),
    )  # fmt: skip
    return answer({"model": shapes_of(session, [model])[0]})


@router.post("/search", dependencies=[allow(READ)])
def search(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_FOUND, MOST_FOUND)
    ids = model_search.search(
        session, caller.workspace.id, experiments.ids(session, caller.workspace.id, arguments.texts("experiment_ids")),
        filter=arguments.optional_text("filter"), datasets=[_dataset(item) for item in arguments.objects("datasets")],
        order_by=[_order(item) for item in arguments.objects("order_by")], offset=offset, count=count + 1,
    )  # fmt: skip
    found = shapes_of(session, logged_models.by_ids(session, ids[:count]))
    return paged("models", [*found, *ids[count:]], offset, count)


def _dataset(item: Arguments) -> DatasetName:
    return DatasetName(item.text("dataset_name"), item.optional_text("dataset_digest"))


def _order(item: Arguments) -> ModelOrder:
    name = item.optional_text("dataset_name")
    if not name and item.optional_text("dataset_digest"):
        raise Invalid("order_by: dataset_digest can only be given together with dataset_name.", target="order_by")
    dataset = DatasetName(name, item.optional_text("dataset_digest")) if name else None
    ascending = item.flag("ascending") if "ascending" in item else True
    return ModelOrder(item.text("field_name"), ascending, dataset)


@router.get("/{model_id}", dependencies=[allow(READ)])
def get(model_id: str, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"model": shapes_of(session, [logged_models.get(session, caller.workspace.id, model_id)])[0]})


@router.patch("/{model_id}", dependencies=[allow(WRITE)])
def finalize(model_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = logged_models.get_writable(session, caller, model_id)
    status = arguments.text("status")
    logged_models.finalize(session, model, STATUSES.get(status) or _CODES.get(status, status))
    return answer({"model": shapes_of(session, [model])[0]})


@router.delete("/{model_id}", dependencies=[allow(WRITE)])
def delete(model_id: str, session: SessionDep, caller: CallerDep) -> Response:
    logged_models.delete(session, logged_models.get_writable(session, caller, model_id))
    return answer()


@router.patch("/{model_id}/tags", dependencies=[allow(WRITE)])
def set_tags(model_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = logged_models.get_writable(session, caller, model_id)
    logged_models.set_tags(session, model, arguments.pairs("tags"))
    return answer({"model": shapes_of(session, [model])[0]})


@router.delete("/{model_id}/tags/{tag_key:path}", dependencies=[allow(WRITE)])
def delete_tag(model_id: str, tag_key: str, session: SessionDep, caller: CallerDep) -> Response:
    logged_models.delete_tag(session, logged_models.get_writable(session, caller, model_id), tag_key)
    return answer()


@router.post("/{model_id}/params", dependencies=[allow(WRITE)])
def log_params(model_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = logged_models.get_writable(session, caller, model_id)
    logged_models.log_params(session, model, arguments.pairs("params"))
    return answer()


@router.get("/{model_id}/artifacts/directories", dependencies=[allow(READ)])
def artifacts(model_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    model = logged_models.get(session, caller.workspace.id, model_id)
    found = entries(model_key(model), arguments.optional_text("artifact_directory_path"))
    return answer({"root_uri": model_uri(model)} | ({"files": found} if found else {}))
