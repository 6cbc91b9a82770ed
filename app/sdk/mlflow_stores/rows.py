"""Turns rows of MLflow's tables into records; a column that a schema version lacks is one that says nothing."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.sdk.mlflow_stores import records
from app.sdk.mlflow_stores.layout import MODEL_STATES
from app.sdk.mlflow_stores.records import Record

Columns = Mapping[str, Any]
# Metadata that newer schemas keep in columns of trace_info.
_TOKENS = ("input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
           "cache_creation_input_tokens_above_1hr")  # fmt: skip
_COSTS = ("input_cost", "output_cost", "total_cost")
_USAGE, _COST = "mlflow.trace.tokenUsage", "mlflow.trace.cost"


def pairs(children: Iterable[Columns], key: str = "key", value: str = "value") -> list[Record]:
    return records.pairs({row[key]: row[value] for row in children})


def value_of(row: Columns) -> float | str:
    return "NaN" if row.get("is_nan") else records.number(float(row["value"]))


def experiment(row: Columns, tags: Iterable[Columns]) -> Record:
    return {
        "experiment_id": str(row["experiment_id"]),
        "name": row["name"],
        "lifecycle_stage": row.get("lifecycle_stage") or "active",
        "creation_time": row.get("creation_time"),
        "last_update_time": row.get("last_update_time"),
        "tags": pairs(tags),
    }


def run_info(row: Columns) -> Record:
    return {
        "run_id": row["run_uuid"],
        "run_name": row.get("name"),
        "experiment_id": str(row["experiment_id"]),
        "user_id": row.get("user_id"),
        "status": row.get("status") or "SCHEDULED",
        "start_time": row.get("start_time"),
        "end_time": row.get("end_time"),
        "lifecycle_stage": row.get("lifecycle_stage") or "active",
        "artifact_uri": row.get("artifact_uri"),
    }


def metric(row: Columns) -> Record:
    return {"key": row["key"], "value": value_of(row), "timestamp": row["timestamp"], "step": row.get("step") or 0}


def dataset(row: Columns) -> Record:
    return {
        "name": row["name"],
        "digest": row["digest"],
        "source_type": row["dataset_source_type"],
        "source": row["dataset_source"],
        "schema": row["dataset_schema"],
        "profile": row["dataset_profile"],
    }


def logged_model(
    row: Columns, tags: Iterable[Columns], params: Iterable[Columns], metrics: Iterable[Columns]
) -> Record:
    info = {
        "model_id": row["model_id"],
        "experiment_id": str(row["experiment_id"]),
        "name": row["name"],
        "artifact_uri": row["artifact_location"],
        "creation_timestamp_ms": row["creation_timestamp_ms"],
        "last_updated_timestamp_ms": row["last_updated_timestamp_ms"],
        "model_type": row["model_type"],
        "source_run_id": row["source_run_id"],
        "status": MODEL_STATES.get(row["status"], "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        "status_message": row["status_message"],
        "lifecycle_stage": row.get("lifecycle_stage") or "active",
        "tags": pairs(tags, "tag_key", "tag_value"),
    }
    data = {"params": pairs(params, "param_key", "param_value"), "metrics": [_model_metric(one) for one in metrics]}
    return {"info": info, "data": data}


def _model_metric(row: Columns) -> Record:
    made = {
        "key": row["metric_name"],
        "value": "NaN" if row["metric_value"] is None else records.number(row["metric_value"]),
        "timestamp": row["metric_timestamp_ms"],
        "step": row["metric_step"],
        "run_id": row["run_id"],
        "model_id": row["model_id"],
    }
    if row["dataset_name"]:
        made |= {"dataset_name": row["dataset_name"], "dataset_digest": row["dataset_digest"]}
    return made


def trace_info(row: Columns, tags: Iterable[Columns], metadata: Iterable[Columns], assessments: list[Record]) -> Record:
    named = records.texts(pairs(tags))
    if row.get("trace_name") is not None:
        named[records.NAME] = row["trace_name"]
    return records.trace_info(
        row["request_id"],
        str(row["experiment_id"]),
        started_ms=row["timestamp_ms"],
        took_ms=row["execution_time_ms"],
        state=row["status"],
        tags=named,
        metadata=records.texts(pairs(metadata)) | _promoted(row),
        client_request_id=row.get("client_request_id"),
        request_preview=row.get("request_preview"),
        response_preview=row.get("response_preview"),
        assessments=assessments,
    )


def _promoted(row: Columns) -> dict[str, str]:
    made = {}
    if row.get("session_id") is not None:
        made[records.SESSION] = row["session_id"]
    for key, columns in ((_USAGE, _TOKENS), (_COST, _COSTS)):
        if found := {name: row[name] for name in columns if row.get(name) is not None}:
            made[key] = json.dumps(found)
    return made


def assessment(row: Columns) -> Record:
    value = json.loads(row["value"]) if row["value"] else None
    made = {
        "assessment_id": row["assessment_id"],
        "assessment_name": row["name"],
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "source": {"source_type": row["source_type"], "source_id": row["source_id"]},
        "create_time": records.moment(row["created_timestamp"]),
        "last_update_time": records.moment(row["last_updated_timestamp"]),
        "rationale": row["rationale"],
        "metadata": json.loads(row["assessment_metadata"]) if row["assessment_metadata"] else None,
        "overrides": row["overrides"],
        "valid": bool(row["valid"]),
    }
    kind = row["assessment_type"]
    made[kind] = {"issue_name": (value or {}).get("issue_name")} if kind == "issue" else {"value": value}
    if row["error"] and kind == "feedback":
        made[kind]["error"] = json.loads(row["error"])
    return {key: value for key, value in made.items() if value is not None}


def registered_model(row: Columns, tags: Iterable[Columns], aliases: Iterable[Columns]) -> Record:
    return {
        "name": row["name"],
        "description": row.get("description"),
        "creation_timestamp": row["creation_time"],
        "last_updated_timestamp": row["last_updated_time"],
        "tags": pairs(tags),
        "aliases": [{"alias": one["alias"], "version": str(one["version"])} for one in aliases],
    }


def model_version(row: Columns, tags: Iterable[Columns]) -> Record:
    return {
        "name": row["name"],
        "version": str(row["version"]),
        "creation_timestamp": row["creation_time"],
        "last_updated_timestamp": row["last_updated_time"],
        "user_id": row["user_id"],
        "current_stage": row["current_stage"],
        "description": row["description"],
        "source": row["source"],
        "run_id": row["run_id"],
        "run_link": row.get("run_link"),
        "status": row["status"],
        "status_message": row.get("status_message"),
        "artifact_uri": row.get("storage_location") or row["source"],
        "tags": pairs(tags),
    }
