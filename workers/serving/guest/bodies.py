"""Reads the bodies that MLflow's scoring server and Azure's online endpoints accept.

Forms: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ and
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models
"""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

from .errors import BadInput
from .signature import Table

FORMS = ("input_data", "dataframe_split", "dataframe_records", "inputs", "instances")


@dataclass(frozen=True)
class Body:
    """`data` is a Table, or the value as it was sent: nested lists or an object of them."""

    data: Any
    field: str
    params: dict = field(default_factory=dict)


def read(raw: bytes, content_type: str) -> Body:
    """Raises BadInput that names the field and the forms that would do."""
    kind = content_type.split(";")[0].strip().lower()
    if kind == "text/csv":
        return Body(_csv(_text(raw)), "body")
    if kind not in ("", "application/json", "application/x-www-form-urlencoded", "text/plain"):
        raise BadInput(f"content-type: {kind!r} is not application/json or text/csv.", target="content-type")
    return _json(_parse(_text(raw)))


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"body: byte {error.start} is not UTF-8.", target="body") from None


def _parse(text: str) -> Any:
    if not text.strip():
        raise BadInput(f"The body is empty. Expected a JSON object with {_forms()}.", target="body")
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput(f"body: this is not JSON: {error}.", target="body") from None


def _forms() -> str:
    return "one of " + ", ".join(FORMS)


def _json(sent: Any) -> Body:
    if isinstance(sent, list):
        return Body(_rows(sent, "body"), "body")
    if not isinstance(sent, dict):
        raise BadInput(f"The body is not an object. Expected a JSON object with {_forms()}.", target="body")
    present = [form for form in FORMS if form in sent]
    if len(present) != 1:
        what = f"both {present[0]} and {present[1]}" if present else "none of the known fields"
        raise BadInput(f"The body has {what}. Expected {_forms()}.", target=present[1] if present else "body")
    extra = next((name for name in sent if name not in (present[0], "params", "signature_name")), None)
    if extra is not None:
        raise BadInput(f"{extra}: unknown field beside {present[0]}. Expected params or nothing.", target=extra)
    params = sent.get("params") or {}
    if not isinstance(params, dict):
        raise BadInput("params: expected an object of names and values.", target="params")
    return Body(_data(present[0], sent[present[0]]), present[0], params)


def _data(form: str, value: Any) -> Any:
    if form == "dataframe_split" or (form == "input_data" and isinstance(value, dict) and "data" in value):
        return _split(form, value)
    if form == "dataframe_records":
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise BadInput(f"{form}: expected a list of objects, one a row.", target=form)
        return _records(value, form)
    if isinstance(value, list):
        return _rows(value, form)
    if form == "input_data" and not isinstance(value, dict):
        raise BadInput("input_data: expected an object with columns, index and data, or a list of rows.", target=form)
    return value


def _split(form: str, value: Any) -> Table:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise BadInput(f"{form}.data: expected a list of rows, each a list of values.", target=f"{form}.data")
    extra = next((name for name in value if name not in ("columns", "index", "data")), None)
    if extra is not None:
        raise BadInput(f"{form}.{extra}: unknown field. Expected columns, index and data.", target=f"{form}.{extra}")
    columns = value.get("columns")
    if columns is not None and not isinstance(columns, list):
        raise BadInput(f"{form}.columns: expected a list of column names.", target=f"{form}.columns")
    rows = value["data"]
    if rows and not isinstance(rows[0], list) and columns and len(columns) == 1:
        rows = [[cell] for cell in rows]
    for number, row in enumerate(rows):
        if not isinstance(row, list):
            raise BadInput(f"{form}.data[{number}]: expected a list of values.", target=f"{form}.data")
        if columns is not None and len(row) != len(columns):
            raise BadInput(
                f"{form}.data[{number}] has {len(row)} values. Expected {len(columns)}, one a column.",
                target=f"{form}.data",
            )
    # Columns that are only counted, as pandas writes for a frame without names, name nothing.
    named = columns is not None and columns != list(range(len(columns)))
    return Table([str(name) for name in columns] if named else None, rows, f"{form}.data")


def _records(rows: list[dict], form: str) -> Table:
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    for number, row in enumerate(rows):
        missing = next((name for name in columns if name not in row), None)
        if missing is not None:
            raise BadInput(f"{form}[{number}]: column {missing!r} is missing.", target=missing)
    return Table(list(columns), [[row[name] for name in columns] for row in rows], form)


def _rows(value: list, form: str) -> Any:
    return _records(value, form) if value and all(isinstance(row, dict) for row in value) else value


def _csv(text: str) -> Table:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows:
        raise BadInput("The body is empty. Expected a line of column names, then a line a row.", target="body")
    for number, row in enumerate(rows[1:]):
        if len(row) != len(rows[0]):
            raise BadInput(f"body: row {number} has {len(row)} values. Expected {len(rows[0])}.", target="body")
    return Table(rows[0], rows[1:], "body", is_text=True)
