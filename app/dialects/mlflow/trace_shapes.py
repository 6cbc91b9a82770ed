"""How traces, their spans and their assessments look in MLflow's JSON."""

import base64
import json
import math
from datetime import UTC, datetime
from typing import Any

from app.errors import Invalid
from app.kit.clock import from_milliseconds
from app.traces import places
from app.traces.tables import Assessment, Span, Trace

_STATUSES = {"UNSET": 0, "OK": 1, "ERROR": 2}
_LARGEST_MS = 253_402_300_799_000


def time_text(milliseconds: int) -> str:
    """A time as protobuf's JSON writes it."""
    at = from_milliseconds(min(max(milliseconds, 0), _LARGEST_MS))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def time_of(text: str, target: str) -> int:
    """The milliseconds of such a time; raises Invalid."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{target}: {text!r} is no time such as 2026-01-31T12:00:00.000Z.", target=target) from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def duration_of(text: str, target: str) -> int:
    """The milliseconds of a duration such as `1.25s`; raises Invalid."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < 1e12:
        raise Invalid(f"{target}: {text!r} is no duration such as 1.25s.", target=target)
    return round(seconds * 1000)


def info(trace: Trace) -> dict[str, Any]:
    """MLflow's TraceInfoV3."""
    shown = {
        "trace_id": trace.name,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(trace.experiment_id)},
        },
        "request_time": time_text(trace.started_ms),
        "state": trace.state,
        "trace_metadata": {detail.key: detail.value for detail in trace.details},
        "tags": tags_of(trace),
        "assessments": [assessment(one, trace) for one in trace.assessments],
    }
    if trace.duration_ms is not None:
        shown["execution_duration"] = f"{trace.duration_ms / 1000:.3f}s"
    for name in ("client_request_id", "request_preview", "response_preview"):
        if getattr(trace, name) is not None:
            shown[name] = getattr(trace, name)
    return shown


def tags_of(trace: Trace) -> dict[str, str]:
    tags = {tag.key: tag.value for tag in trace.tags} | {"mlflow.artifactLocation": places.uri(trace)}
    if trace.title is not None:
        tags["mlflow.traceName"] = trace.title
    # Without it a client keeps the spans as a file, and looks for them there.
    if trace.span_count:
        tags["mlflow.trace.spansLocation"] = "TRACKING_STORE"
    return tags


def old_info(trace: Trace) -> dict[str, Any]:
    """MLflow 2's TraceInfo."""
    shown = {
        "request_id": trace.name,
        "experiment_id": str(trace.experiment_id),
        "timestamp_ms": trace.started_ms,
        "status": trace.state.replace("STATE_", "TRACE_STATUS_"),
        "request_metadata": [{"key": detail.key, "value": detail.value} for detail in trace.details],
        "tags": [{"key": key, "value": value} for key, value in tags_of(trace).items()],
    }
    return shown if trace.duration_ms is None else shown | {"execution_time_ms": trace.duration_ms}


def span(row: Span, trace: Trace) -> dict[str, Any]:
    """OpenTelemetry's Span as protobuf's JSON."""
    content = json.loads(row.content)
    shown = {
        "trace_id": _bytes(trace.name.removeprefix("tr-")),
        "span_id": _bytes(row.span_id),
        "parent_span_id": _bytes(row.parent_id),
        "trace_state": content["trace_state"],
        "name": row.name,
        "kind": content["kind"],
        "start_time_unix_nano": str(row.start_ns),
        "end_time_unix_nano": str(row.end_ns),
        "attributes": attributes(content["attributes"]),
        "events": [
            {"name": event["name"], "time_unix_nano": str(event["at"]), "attributes": attributes(event["attributes"])}
            for event in content["events"]
        ],
        "links": [
            {"trace_id": _bytes(link["trace"]), "span_id": _bytes(link["span"])}
            | {"attributes": attributes(link["attributes"])}
            for link in content["links"]
        ],
        "status": {"code": _STATUSES[row.status], "message": content["message"]},
    }
    return shown


def _bytes(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def attributes(held: dict[str, Any]) -> list[dict]:
    return [{"key": key, "value": _value(value)} for key, value in held.items()]


def _value(value: Any) -> dict:
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, int):
        return {"int_value": str(value)}
    if isinstance(value, float):
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return {"double_value": value if math.isfinite(value) else words.get(value, "NaN")}
    if isinstance(value, list):
        return {"array_value": {"values": [_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": attributes(value)}}
    return {}


def assessment(row: Assessment, trace: Trace) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "assessment_id": row.id,
        "assessment_name": row.name,
        "trace_id": trace.name,
        "source": {"source_type": row.source_type, "source_id": row.source_id},
        "create_time": time_text(row.created_ms),
        "last_update_time": time_text(row.updated_ms),
        "valid": row.valid,
    }
    value = json.loads(row.value)
    if row.kind == "expectation":
        simple = value is None or isinstance(value, str | int | float)
        serialized = {"serialization_format": "JSON_FORMAT", "value": row.value}
        shown["expectation"] = {"value": value} if simple else {"serialized_value": serialized}
    elif row.kind == "issue":
        shown["issue"] = {"issue_name": value} if isinstance(value, str) else {}
    else:
        shown["feedback"] = {"value": value} | ({"error": row.error} if row.error else {})
    optional = {"span_id": row.span_id, "rationale": row.rationale, "overrides": row.overrides}
    shown |= {name: text for name, text in optional.items() if text is not None}
    return shown | ({"metadata": row.details} if row.details else {})
