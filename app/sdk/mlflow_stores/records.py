"""What every reader yields: records in the JSON shapes of MLflow's REST API (its `service.proto`)."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.sdk.mlflow_stores.artifacts import StoredFile

Record = dict[str, Any]
# Value, time in Unix milliseconds, step; a value is a number or the word that JSON lacks.
Point = list[Any]
# Kind, id, and why it, or a part of it, cannot come.
Note = Callable[[str, str, str], None]

ADDRESSES = "a folder, sqlite:///FILE, postgresql://…, http://… and https://… can"
NO_PLACE = "it is not imported: make it again in Atelier"
POINTS = 50_000
_ATTACHMENT = "mlflow-attachment://"
_PART_BYTES = 8 << 20
PROMPT, NAME, SESSION = "mlflow.prompt.is_prompt", "mlflow.traceName", "mlflow.trace.session"
ARTIFACTS = "mlflow.artifactLocation"
SPANS_FILE = "traces.json"
# MLflow's databases hold no infinity; its SqlAlchemyStore writes the largest double instead.
_LARGEST = 1.7976931348623157e308
_STATES = ("OK", "ERROR", "IN_PROGRESS")


class Unreadable(Exception):
    """A record or file of a store that cannot be read. The message says why."""


class Store(Protocol):
    """A store of MLflow, read one record at a time.

    `experiments` holds the experiments that are wanted, by their id in the store; it is filled before
    anything of them is read. What cannot be read is told to the store's `Note` and left out.
    """

    identity: str
    experiments: dict[str, Record]

    def counts(self) -> dict[str, int]:
        """How many records there are of each kind, as far as that is known without reading them."""

    def all_experiments(self) -> Iterator[Record]: ...

    def runs(self) -> Iterator[Record]:
        """`{info, data: {params, tags, metrics}, inputs, outputs}`; `metrics` holds the latest of each."""

    def points(self, run: Record) -> Iterator[tuple[str, list[Point]]]:
        """The whole history of a run's metrics, at most POINTS at a time."""

    def logged_models(self) -> Iterator[Record]: ...

    def traces(self) -> Iterator[Record]:
        """`{trace_info, spans, runs}`."""

    def registered_models(self) -> Iterator[Record]: ...

    def model_versions(self, name: str) -> Iterator[Record]: ...

    def files(self, record: Record) -> Iterator["StoredFile"]:
        """The artifacts of a run, logged model, trace or model version. Raises Unreadable."""

    def left_out(self) -> Iterator[tuple[str, str, str]]:
        """Kind, id and why of what the store holds and Atelier has no place for."""

    def close(self) -> None: ...


def pairs(values: Mapping[str, Any]) -> list[Record]:
    """`[{key, value}]`, as MLflow writes params and tags."""
    return [{"key": key, "value": "" if value is None else str(value)} for key, value in values.items()]


def texts(pairs: Iterable[Record] | None) -> dict[str, str]:
    """The other way round."""
    return {pair["key"]: pair.get("value") or "" for pair in pairs or ()}


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rows = iter(rows)
    while some := list(islice(rows, size)):
        yield some


def number(value: float) -> float | str:
    """A metric's value as MLflow's JSON has it."""
    if math.isnan(value):
        return "NaN"
    if abs(value) >= _LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    return value


def moment(milliseconds: int | None) -> str:
    """A time as Protobuf's JSON writes it: RFC 3339 in UTC."""
    at = datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def trace_location(experiment_id: str) -> Record:
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    return {"trace_location": location}


def trace_parts(trace: Record) -> Iterator[Record]:
    """A trace in bodies of some megabytes: the same again with further spans."""
    part: list[Record] = []
    size = 0
    for span in trace["spans"]:
        length = len(json.dumps(span))
        if part and size + length > _PART_BYTES:
            yield trace | {"spans": part}
            part, size = [], 0
        part.append(span)
        size += length
    yield trace | {"spans": part}


def has_attachments(trace: Record) -> bool:
    """Whether spans refer to files that lie beside them; most traces have none, and their folder is not asked for."""
    return any(_ATTACHMENT in json.dumps(span) for span in trace["spans"])


def duration(milliseconds: int) -> str:
    """As Protobuf's JSON writes it: seconds, to the millisecond."""
    return f"{milliseconds / 1000:.3f}s"


def trace_info(
    trace_id: str,
    experiment_id: str,
    *,
    started_ms: int | None,
    took_ms: int | None,
    state: str | None,
    tags: Mapping[str, str],
    metadata: Mapping[str, str],
    **more: Any,
) -> Record:
    """TraceInfoV3 as JSON, out of what stores of versions 2 and 3 keep."""
    made = {
        "trace_id": trace_id,
        **trace_location(experiment_id),
        "request_time": moment(started_ms),
        "state": state if state in _STATES else "STATE_UNSPECIFIED",
        "tags": dict(tags),
        "trace_metadata": dict(metadata),
    }
    if took_ms is not None:
        made["execution_duration"] = duration(took_ms)
    return made | {name: value for name, value in more.items() if value is not None}


def spans_of(text: str | bytes) -> list[Record]:
    """The spans of a `traces.json`, those of MLflow 2 written as MLflow 3 does. Raises Unreadable."""
    try:
        return [_span(span) for span in json.loads(text)["spans"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"its {SPANS_FILE} is not in a form that MLflow writes ({error!r})") from error


def _span(span: Record) -> Record:
    if "context" not in span:
        return span
    return {
        "trace_id": _hexadecimal(span["context"]["trace_id"]),
        "span_id": _hexadecimal(span["context"]["span_id"]),
        "parent_span_id": _hexadecimal(span.get("parent_id")),
        "name": span["name"],
        "start_time_unix_nano": span["start_time"],
        "end_time_unix_nano": span.get("end_time"),
        "status": {
            "code": f"STATUS_CODE_{span.get('status_code') or 'UNSET'}",
            "message": span.get("status_message") or "",
        },
        "attributes": span.get("attributes") or {},
        "events": [
            {
                "name": event["name"],
                "time_unix_nano": event["timestamp"],
                "attributes": event.get("attributes") or {},
            }
            for event in span.get("events") or ()
        ],
    }


def _hexadecimal(identifier: str | None) -> str:
    return (identifier or "").removeprefix("0x")
