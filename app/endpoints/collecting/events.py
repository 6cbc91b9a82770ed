"""Collected requests as lines of JSON: CloudEvents 1.0, as Azure ML's data collector writes them.

Source: the example in https://learn.microsoft.com/azure/machine-learning/how-to-collect-production-data
"""

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from app.endpoints.collecting.settings import Collecting

AGENT = "atelier"
HIDDEN = "[redacted]"
ROWS = "pandas.core.frame.DataFrame"
FORMS = ("input_data", "dataframe_split", "dataframe_records", "inputs", "instances", "predictions")


@dataclass(frozen=True)
class Collected:
    """One request and its answer. `by_script` is what a scoring script collected: pairs of a collection and records."""

    at: float
    workspace: str
    endpoint: str
    deployment: str
    request_id: str
    headers: dict[str, str]
    content_type: str
    request: bytes
    answer_type: str
    answer: bytes
    by_script: bytes
    settings: Collecting

    @property
    def size(self) -> int:
        return len(self.request) + len(self.answer) + len(self.by_script)


def lines(found: Collected) -> Iterator[tuple[str, bytes]]:
    """The collection and the line of each event of a request."""
    wanted, hidden = found.settings.collections, found.settings.redacted
    bodies = {"request": (found.request, found.content_type), "response": (found.answer, found.answer_type)}
    for name, (body, content_type) in bodies.items():
        if name in wanted:
            yield name, _line(found, name, **_as_sent(body, content_type, hidden))
    if found.settings.in_rows:
        for name, body in (("model_inputs", found.request), ("model_outputs", found.answer)):
            if name in wanted:
                yield name, _line(found, name, **_as_rows(body, hidden))
    for name, data in orjson.loads(found.by_script) if found.by_script else ():
        if name in wanted:
            yield name, _line(found, name, data=redact(data, hidden), collectdatatype=ROWS)


def _line(found: Collected, collection: str, **more: Any) -> bytes:
    source = f"/workspaces/{found.workspace}/onlineEndpoints/{found.endpoint}/deployments/{found.deployment}"
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": source,
        "type": f"azureml.inference.{collection}",
        "datacontenttype": "application/json",
        "time": datetime.fromtimestamp(found.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "correlationid": found.request_id,
        "xrequestid": found.request_id,
        "modelversion": "default",
        "agent": AGENT,
        **more,
    }
    if found.headers and collection == "request":
        event["headers"] = found.headers
    return orjson.dumps(event) + b"\n"


def _as_sent(body: bytes, content_type: str, hidden: frozenset[str]) -> dict[str, Any]:
    try:
        return {"data": redact(orjson.loads(body), hidden)}
    except ValueError:
        if hidden:
            # A field cannot be found in what has no fields.
            return {"datacontenttype": content_type, "data": HIDDEN}
    try:
        return {"datacontenttype": content_type, "data": body.decode()}
    except UnicodeDecodeError:
        return {"datacontenttype": content_type, "data_base64": base64.b64encode(body).decode()}


def _as_rows(body: bytes, hidden: frozenset[str]) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except ValueError:
        return _as_sent(body, "text/plain", hidden)
    form = next((name for name in FORMS if isinstance(value, dict) and name in value), None)
    rows = rows_of(value[form] if form else value)
    if rows is None:
        return {"data": redact(value, hidden)}
    return {"data": redact(rows, hidden), "collectdatatype": ROWS}


def rows_of(value: Any) -> list[dict] | None:
    """A table as records, as pandas writes them; None for what is none."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        columns = [str(name) for name in value.get("columns") or ()]
        rows = value["data"]
        if columns and all(isinstance(row, list) and len(row) == len(columns) for row in rows):
            return [dict(zip(columns, row, strict=True)) for row in rows]
        value = rows
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, dict) for row in value):
        return value
    if all(isinstance(row, list) for row in value):
        return [{str(place): cell for place, cell in enumerate(row)} for row in value]
    return [{"0": cell} for cell in value]


def redact(value: Any, hidden: frozenset[str]) -> Any:
    """The same, with the values of fields and columns of these names left out at any depth."""
    if not hidden:
        return value
    if isinstance(value, list):
        return [redact(one, hidden) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: HIDDEN if name in hidden else redact(one, hidden) for name, one in value.items()}
    columns, rows = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(rows, list):
        places = {place for place, name in enumerate(columns) if name in hidden}
        found["data"] = [
            [HIDDEN if place in places else cell for place, cell in enumerate(row)] if isinstance(row, list) else row
            for row in rows
        ]
    return found
