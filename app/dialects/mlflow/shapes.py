"""How runs and experiments look in MLflow's JSON."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.experiments.tables import Experiment
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.clock import milliseconds
from app.tracking import queries
from app.tracking import runs as tracked
from app.tracking.artifacts import run_uri, uri_of_run
from app.tracking.metrics import Point, latest_rows
from app.tracking.runs import RunRow
from app.tracking.search import STATUSES
from app.tracking.tables import DatasetInput, RunModel

_NO_LINKS: dict = {"inputs": {}}
STATUS_OF = {status: name for name, states in STATUSES.items() for status in states}
_CODES = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


def status_named(name: str) -> Status:
    name = _CODES.get(name, name)
    if name not in STATUSES:
        raise Invalid(
            f"Invalid value {name!r} for parameter 'status'; it is one of {', '.join(STATUSES)}.", target="status"
        )
    return STATUSES[name][0]


def pairs(items) -> list[dict]:
    return [{"key": key, "value": value} for key, value in items]


def number(value: float) -> float | str:
    """JSON has no NaN or Infinity; protobuf's JSON writes them as words."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def history(key: str, points: Iterable[Point], run: str = "") -> list[dict]:
    """The points of a series; `run` is named in each where those of several runs come together."""
    more = {"run_id": run} if run else {}
    return [{"key": key, "value": number(value), "timestamp": at, "step": step, **more} for step, at, value in points]


def experiment(row: Experiment) -> dict:
    shown = {
        "experiment_id": str(row.id),
        "name": row.name,
        "artifact_location": row.artifact_location or f"mlflow-artifacts:/{row.id}",
        "lifecycle_stage": row.lifecycle_stage,
        "last_update_time": milliseconds(row.updated_at),
        "creation_time": milliseconds(row.created_at),
    }
    return shown | ({"tags": pairs(row.tags.items())} if row.tags else {})


def run_info(job: Job | RunRow, user: str | None = None) -> dict:
    if isinstance(job, RunRow):
        uri = uri_of_run(job.artifact_location, job.files_folder, job.name)
    else:
        uri = run_uri(job)
    shown = {
        "run_uuid": job.name,
        "experiment_id": str(job.experiment_id),
        "run_name": job.display_name,
        "user_id": user or job.created_by,
        "status": STATUS_OF[job.status],
        "start_time": milliseconds(job.started_at or job.created_at),
        "artifact_uri": uri,
        "lifecycle_stage": job.lifecycle_stage,
        "run_id": job.name,
    }
    return shown | ({"end_time": milliseconds(job.ended_at)} if job.ended_at else {})


def runs(session: Session, ids: Sequence[int]) -> list[dict]:
    """Whole runs, with what they logged, in the order of the ids of their rows."""
    rows = tracked.rows(session, ids)
    params, tags = queries.params_of(session, ids), queries.tags_of(session, ids)
    metrics, links = _metrics(latest_rows(session, ids)), _links_of(session, ids)
    return [
        _run(rows[id], metrics.get(id), params.get(id, ()), tags.get(id, ()), links.get(id, _NO_LINKS)) for id in ids
    ]


def _metrics(rows: Iterable[tuple[int, str, float | None, int, int]]) -> dict[int, list[dict]]:
    """The newest point of each series, by the id of the run."""
    found: dict[int, list[dict]] = defaultdict(list)
    for id, key, value, step, at in rows:
        shown = value if value is not None and isfinite(value) else number(math.nan if value is None else value)
        found[id].append({"key": key, "value": shown, "timestamp": at, "step": step})
    return found


def _run(row: RunRow, metrics: list[dict] | None, params, tags, links: dict) -> dict:
    tags = dict(tags)
    tags.setdefault("mlflow.runName", row.display_name)
    data = {"metrics": metrics, "params": pairs(params), "tags": pairs(tags.items())}
    return {
        "info": run_info(row, tags.get("mlflow.user")),
        "data": {name: items for name, items in data.items() if items},
        **links,
    }


def _links_of(session: Session, job_ids: Sequence[int]) -> dict[int, dict]:
    """What runs read and made, of those that did."""
    inputs, models = queries.inputs_of(session, job_ids), queries.models_of(session, job_ids)
    return {id: _links(inputs.get(id, ()), models.get(id, ())) for id in inputs.keys() | models.keys()}


def _links(inputs: Sequence[DatasetInput], models: Sequence[RunModel]) -> dict:
    outputs = [{"model_id": model.model_id, "step": model.step} for model in models if model.direction == "output"]
    return {"inputs": _inputs(inputs, models)} | ({"outputs": {"model_outputs": outputs}} if outputs else {})


def _inputs(inputs: Sequence[DatasetInput], models: Sequence[RunModel]) -> dict:
    shown: dict = {}
    if inputs:
        shown["dataset_inputs"] = [_dataset_input(found) for found in inputs]
    read = [{"model_id": model.model_id} for model in models if model.direction == "input"]
    return shown | ({"model_inputs": read} if read else {})


def _dataset_input(found: DatasetInput) -> dict:
    dataset = {
        name: getattr(found.dataset, name) for name in ("name", "digest", "source_type", "source", "schema", "profile")
    }
    shown: dict = {"tags": pairs(found.tags.items())} if found.tags else {}
    return shown | {"dataset": {name: value for name, value in dataset.items() if value is not None}}
