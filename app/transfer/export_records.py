"""How what is here looks in a bundle: MLflow's records without what belongs to this server alone."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import reading
from app.dialects.mlflow import logged_models as model_shapes
from app.dialects.mlflow import registry, shapes, trace_shapes
from app.experiments.tables import Experiment
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.clock import milliseconds
from app.models.tables import ModelVersion, RegisteredModel
from app.traces import queries as trace_queries
from app.traces import service as traces
from app.traces.tables import Trace, TraceRun
from app.tracking import logged_models, metrics, runs, service
from app.tracking.metrics import Point
from app.tracking.tables import LatestMetric, RunModel
from app.transfer.hiding import without_secrets
from app.transfer.records import PART, JobPart, ModelPart, TracePart
from app.transfer.runs import IMPORTING, SAME
from app.transfer.selection import Selection, batches

MOST_POINTS = 10_000
"""Of one line of metrics."""

_HERE_ALONE = ("experiment_id", "artifact_uri", "run_uuid")
_PROXIED = re.compile(r"mlflow-artifacts:(?://[^/]*)?/(\d+)/(?:models/([^/]+)/artifacts.*|([^/]+)/artifacts(/.*)?)")


def experiment(row: Experiment) -> dict[str, Any]:
    """Every workspace has a default experiment of its own, so that when it was made says nothing."""
    shown = {"name": row.name, "tags": shapes.pairs(sorted(row.tags.items())), "lifecycle_stage": row.lifecycle_stage}
    if row.artifact_location:
        shown["artifact_location"] = row.artifact_location
    if row.is_default:
        return shown
    return shown | {"creation_time": milliseconds(row.created_at), "last_update_time": milliseconds(row.updated_at)}


def of_runs(session: Session, selection: Selection, ids: Sequence[int]) -> Iterator[tuple[Job, dict[str, Any]]]:
    jobs = runs.by_ids(session, ids)
    parents = _named(session, selection, {job.parent_id for job in jobs})
    linked = select(RunModel.model_id).where(RunModel.job_id.in_(ids), RunModel.model_id.in_(selection.logged_models()))
    models = set(session.scalars(linked))
    for job, shown in zip(jobs, shapes.runs(session, [job.id for job in jobs]), strict=True):
        yield job, _run(job, shown, selection.number(job.experiment_id), parents.get(job.parent_id), models)


def _named(session: Session, selection: Selection, ids: Collection[int | None]) -> dict[int, str]:
    """The names of those jobs that the bundle holds as well."""
    found = select(Job.id, Job.name).where(Job.id.in_([id for id in ids if id]), Job.id.in_(selection.jobs()))
    return dict(session.execute(found).all())


def _run(job: Job, shown: dict, number: str, parent: str | None, models: Collection[str]) -> dict[str, Any]:
    info = {name: value for name, value in shown["info"].items() if name not in _HERE_ALONE}
    info["experiment_id"] = number
    tags = {pair["key"]: pair["value"] for pair in shown["data"].get("tags", ())}
    part = _job_part(job, info, tags, parent)
    if part.status:
        info["status"] = shapes.STATUS_OF[part.status]
    record = {
        "info": info,
        "data": {"params": _sorted(shown["data"].get("params")), "tags": shapes.pairs(sorted(tags.items()))},
        "inputs": _links(shown["inputs"], models),
        "outputs": _links(shown.get("outputs", {}), models),
    }
    extra = without_secrets(part.model_dump(mode="json", exclude_defaults=True))
    return {name: value for name, value in record.items() if value} | ({PART: extra} if extra else {})


def _sorted(pairs: list[dict] | None) -> list[dict]:
    return sorted(pairs or [], key=lambda pair: pair["key"])


def _links(links: dict, models: Collection[str]) -> dict:
    """Datasets, and those models that the bundle holds as well."""
    found = {}
    if datasets := links.get("dataset_inputs"):
        for item in datasets:
            item["tags"] = _sorted(item.get("tags"))
        found["dataset_inputs"] = sorted(
            datasets, key=lambda item: (item["dataset"]["name"], item["dataset"]["digest"])
        )
    for name in ("model_inputs", "model_outputs"):
        if here := [link for link in links.get(name, ()) if link["model_id"] in models]:
            found[name] = sorted(here, key=lambda link: link["model_id"])
    return found


def _job_part(job: Job, info: dict, tags: dict[str, str], parent: str | None) -> JobPart:
    part = JobPart(**{name: getattr(job, name) for name in SAME})
    part.properties = {name: value for name, value in job.properties.items() if name != IMPORTING}
    part.created_by = job.created_by if job.created_by != info["user_id"] else ""
    part.description = job.description if job.description != tags.get(service.NOTE, "") else None
    part.parent = parent if parent != tags.get(service.PARENT) else None
    part.created_ms = milliseconds(job.created_at) if milliseconds(job.created_at) != info["start_time"] else 0
    part.queued_ms = milliseconds(job.queued_at)
    if job.type == "run":
        part.status = job.status if shapes.status_named(info["status"]) is not job.status else None
        return part
    part.started_ms = milliseconds(job.started_at)
    part.inputs = {port: _relative(job, value) for port, value in job.inputs.items()}
    part.status = job.status if job.status.is_final else Status.CANCELED
    if not job.status.is_final:
        # Where the bundle is imported, no worker goes on with it.
        part.error = {"message": f"The job was {job.status} when it was exported.", "detail": None}
    return part


def _relative(job: Job, port: dict) -> dict:
    prefix = f"workspaces/{job.workspace_id}/"
    return port | {"key": port["key"].removeprefix(prefix)} if isinstance(port.get("key"), str) else port


def series(job_id: int, run_id: str) -> Iterator[dict[str, Any]]:
    """The points of each series by time, in lines of at most `MOST_POINTS`: `{"run_id", "key", "points"}`."""
    with reading() as session:
        keys = sorted(session.scalars(select(LatestMetric.key).where(LatestMetric.job_id == job_id)))
    for some in batches(keys):
        with reading() as session:
            found, _ = metrics.history_since(session, job_id, some)
        for key in some:
            distinct = {metrics.bits(point): point for point in metrics.points_of(found.get(key))}
            points = sorted(distinct.values(), key=lambda point: (point.timestamp, point.step))
            for start in range(0, len(points), MOST_POINTS):
                shown = [_point(point) for point in points[start : start + MOST_POINTS]]
                yield {"run_id": run_id, "key": key, "points": shown}


def _point(point: Point) -> list:
    return [shapes.number(point.value), point.timestamp, point.step]


def of_logged_models(session: Session, selection: Selection, ids: Sequence[str]) -> Iterator[tuple[Any, dict]]:
    rows = logged_models.by_ids(session, ids)
    shapes_of_rows = model_shapes.shapes_of(session, rows)
    measuring = {metric["run_id"] for shown in shapes_of_rows for metric in shown["data"].get("metrics", ())}
    held = _held(session, selection, measuring | {row.job.name for row in rows if row.job})
    for row, shown in zip(rows, shapes_of_rows, strict=True):
        info = {name: value for name, value in shown["info"].items() if name not in _HERE_ALONE}
        info |= {"experiment_id": selection.number(row.experiment_id), "creator_id": row.created_by}
        info |= {"tags": _sorted(info.get("tags")), "lifecycle_stage": row.lifecycle_stage}
        if info["source_run_id"] not in held:
            info["source_run_id"] = ""
        data = shown["data"]
        here = [metric for metric in data.get("metrics", ()) if metric["run_id"] in held]
        measured = [{name: value for name, value in metric.items() if name != "model_id"} for metric in here]
        order = ("key", "run_id", "dataset_name", "dataset_digest")
        measured.sort(key=lambda metric: [metric.get(name, "") for name in order])
        yield row, {"info": info, "data": {"params": _sorted(data.get("params")), "metrics": measured}}


def _held(session: Session, selection: Selection, names: Collection[str]) -> set[str]:
    """The names of those runs that the bundle holds."""
    return set(session.scalars(select(Job.name).where(Job.name.in_(names), Job.id.in_(selection.jobs()))))


def of_traces(session: Session, selection: Selection, ids: Sequence[int]) -> Iterator[tuple[Trace, dict]]:
    rows = trace_queries.by_ids(session, ids)
    spans = trace_queries.spans_of(session, rows)
    linked = select(TraceRun.trace_id, Job.name).join(Job, Job.id == TraceRun.job_id)
    linked = linked.where(TraceRun.trace_id.in_(ids), Job.id.in_(selection.jobs()))
    runs_of: dict[int, list[str]] = {}
    for trace_id, name in session.execute(linked):
        runs_of.setdefault(trace_id, []).append(name)
    for row in rows:
        info = trace_shapes.info(row)
        info["tags"] = {key: value for key, value in info["tags"].items() if key not in traces.GIVEN}
        number = selection.number(row.experiment_id)
        info["trace_location"] = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": number}}
        info["assessments"].sort(key=lambda assessment: assessment["assessment_id"])
        part = TracePart(created_by=row.created_by, is_complete=row.is_complete)
        shown = {"trace_info": info, "spans": [_span(span, row) for span in spans[row.id]]}
        yield row, shown | {"runs": sorted(runs_of.get(row.id, ())), PART: part.model_dump()}


def _span(span, row: Trace) -> dict[str, Any]:
    shown = trace_shapes.span(span, row)
    resource = json.loads(span.content).get("resource")
    return shown | ({"resource": {"attributes": trace_shapes.attributes(resource)}} if resource else {})


def registered_model(row: RegisteredModel) -> dict[str, Any]:
    part = ModelPart(archived=row.archived).model_dump(exclude_defaults=True)
    return {
        "name": row.name,
        "description": row.description,
        "tags": shapes.pairs(sorted(row.tags.items())),
        "creation_timestamp": milliseconds(row.created_at),
        "last_updated_timestamp": milliseconds(row.updated_at),
    } | ({PART: part} if part else {})


def of_versions(session: Session, selection: Selection, rows: Sequence[ModelVersion]) -> Iterator[dict[str, Any]]:
    held = _named(session, selection, {row.job_id for row in rows})
    for row, shown in zip(rows, registry.versions_shown(session, rows), strict=True):
        shown |= {"source": portable(row.source), "run_id": held.get(row.job_id, "")}
        shown |= {"tags": _sorted(shown.get("tags")), "aliases": sorted(shown.get("aliases", ()))}
        part = ModelPart(type=row.type, archived=row.archived, properties=row.properties)
        yield shown | {PART: part.model_dump(exclude_defaults=True)}


def portable(source: str) -> str:
    """An address by run or model, where it was one by the ids of this server."""
    found = _PROXIED.fullmatch(source)
    if found is None:
        return source
    return f"models:/{found[2]}" if found[2] else f"runs:/{found[3]}{found[4] or ''}"
