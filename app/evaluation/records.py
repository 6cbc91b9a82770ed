"""Records of evaluation datasets: how they are read, told apart, merged, and described by a schema.

Source: `mlflow/store/tracking/sqlalchemy_store.py` and `SqlEvaluationDatasetRecord` beside it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import Invalid
from app.traces.spans import clean

SOURCES = ("UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE")
USER = "mlflow.user"
"""The tag in which a client says who its user is."""
_TYPES = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True)
class Draft:
    """A record as a client sends it. `given` names the fields that it sent at all."""

    inputs: Mapping[str, Any]
    outputs: Any
    expectations: Mapping[str, Any] | None
    tags: Mapping[str, Any]
    source: Mapping[str, Any] | None
    given: frozenset[str]

    @property
    def input_hash(self) -> str:
        return input_hash(self.inputs)


def input_hash(inputs: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def read(text: str) -> list[Draft]:
    """The records in JSON text; raises Invalid that names the record at fault, counted from 0."""
    try:
        records = json.loads(text)
    except ValueError as error:
        raise Invalid(
            f"records: it must be a JSON list of records, and is no JSON: {error}.", target="records"
        ) from error
    if not isinstance(records, list):
        raise Invalid("records: it must be a JSON list of records.", target="records")
    return [_draft(record, f"records[{index}]") for index, record in enumerate(records)]


def _draft(record: Any, path: str) -> Draft:
    if not isinstance(record, dict):
        raise Invalid(f"{path}: each record must be an object with the field 'inputs'.", target="records")
    if not isinstance(record.get("inputs"), dict):
        raise Invalid(f"{path}.inputs: each record must have an 'inputs' field that is an object.", target="records")
    for name in ("expectations", "tags"):
        if not isinstance(record.get(name), dict | None):
            raise Invalid(f"{path}.{name}: it must be an object.", target="records")
    return Draft(
        inputs=record["inputs"],
        outputs=record.get("outputs", {}),
        expectations=record.get("expectations"),
        tags=record.get("tags") or {},
        source=_source(record.get("source"), path),
        given=frozenset(record),
    )


def _source(source: Any, path: str) -> dict | None:
    if not source:
        return None
    kind = str(source.get("source_type", "")).upper() if isinstance(source, dict) else None
    if kind not in SOURCES:
        raise Invalid(
            f"Invalid dataset record source type: {path}.source must be an object whose source_type is one of "
            f"{', '.join(SOURCES)}.",
            target="records",
        )
    return {"source_type": kind, "source_data": source.get("source_data") or {}}


def as_text(value: Any) -> str | None:
    """JSON text that every database takes; None stays None."""
    return None if value is None else clean(json.dumps(value, ensure_ascii=False))


def merged(held: str | None, new: Mapping[str, Any] | None) -> str | None:
    """The JSON text of an object after new fields came."""
    return as_text({**(json.loads(held) if held else {}), **new}) if new else held


def schema_after(held: str | None, drafts: Sequence[Draft]) -> str | None:
    """The types of all fields that records ever had, each as it was first seen."""
    if not drafts and not held:
        return None
    schema = json.loads(held) if held else {"inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0"}
    for draft in drafts:
        _see(schema["inputs"], draft.inputs)
        _see(schema["expectations"], draft.expectations or {})
        if "outputs" not in draft.given or draft.outputs is None:
            continue
        if not isinstance(draft.outputs, dict):
            schema["outputs"] = schema["outputs"] or _type(draft.outputs)
        elif isinstance(schema["outputs"], dict):
            _see(schema["outputs"], draft.outputs)
    return as_text(schema)


def _see(types: dict[str, str], fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        types.setdefault(name, _type(value))


def _type(value: Any) -> str:
    return "null" if value is None else _TYPES[type(value)]
