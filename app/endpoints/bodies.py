"""Request bodies that a deployed model takes: examples of them, and the form that makes one.

Source of the forms: `mlflow.types.Schema.to_dict()` for signatures, and the bodies of Azure's online endpoints.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.endpoints.tables import OnlineDeployment, OnlineEndpoint
from app.errors import Invalid
from app.models.tables import ModelVersion

MOST_FIELDS = 100
MOST_VALUES = 20_000
LINE = 76
WORDS = {
    "double": "a number",
    "float": "a number",
    "long": "a whole number",
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "text",
    "binary": "base64 text",
    "datetime": "a date and time, such as 2026-01-31T12:00:00",
}
_EXAMPLES = {"double": 0.0, "float": 0.0, "long": 0, "integer": 0, "boolean": False, "datetime": "2026-01-31T12:00:00"}
_NESTED = {"array": [], "object": {}, "map": {}, "any": None}


@dataclass(frozen=True)
class Field:
    """A column of a signature as a field of a form; `value` is what it is filled with."""

    name: str
    type: str
    required: bool
    value: str

    @property
    def word(self) -> str:
        return WORDS.get(self.type, f"JSON ({self.type})")


def likeliest(endpoint: OnlineEndpoint) -> OnlineDeployment | None:
    """The deployment that answers most requests, the newest where none has traffic."""
    traffic = endpoint.traffic
    return max(endpoint.deployments, key=lambda item: (traffic.get(item.name, 0), item.created_at), default=None)


def _inputs(version: ModelVersion | None) -> list[dict]:
    found = (version.signature or {}).get("inputs") if version else None
    return found if isinstance(found, list) and all(isinstance(item, dict) for item in found) else []


def fields(version: ModelVersion | None) -> list[Field]:
    """A field a column, with the first row of the example in it; none where only JSON will do."""
    columns = _inputs(version)
    if not columns or len(columns) > MOST_FIELDS or any(column.get("type") == "tensor" for column in columns):
        return []
    row = _first_row(version, columns)
    return [
        Field(str(_name(column, place)), column.get("type", "any"), column.get("required", True), _shown(row[place]))
        for place, column in enumerate(columns)
    ]


def _name(column: dict, place: int) -> str:
    return column["name"] if column.get("name") is not None else f"Column {place}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _first_row(version: ModelVersion, columns: list[dict]) -> list:
    made = [_value_for(column) for column in columns]
    names = [column.get("name") for column in columns]
    sample = version.input_example or {}
    value = next(
        (sample[form] for form in ("dataframe_split", "input_data") if isinstance(sample.get(form), dict)), None
    )
    if value and value.get("data") and isinstance(value["data"][0], list):
        given = dict(zip(value.get("columns") or names, value["data"][0], strict=False))
        return [given.get(name, made[place]) for place, name in enumerate(names)]
    records = sample.get("dataframe_records") or sample.get("inputs") or sample.get("instances")
    first = records[0] if isinstance(records, list) and records else None
    if isinstance(first, dict):
        return [first.get(name, made[place]) for place, name in enumerate(names)]
    return first if isinstance(first, list) and len(first) == len(columns) else made


def _value_for(column: dict) -> Any:
    kind = column.get("type")
    return _NESTED[kind] if kind in _NESTED else _EXAMPLES.get(kind, "")


def example(version: ModelVersion | None) -> dict:
    """A body that the model takes: its own example, else one made from its signature."""
    if version and version.input_example:
        return version.input_example
    columns = _inputs(version)
    if not columns:
        return {"input_data": []}
    if columns[0].get("type") == "tensor":
        values = {item.get("name"): _zeros(item.get("tensor-spec", {})) for item in columns}
        return {"input_data": values.get(None, values)}
    row = _first_row(version, columns)
    return _split(columns, row)


def _split(columns: list[dict], row: list) -> dict:
    if columns[0].get("name") is None:
        return {"input_data": [row]}
    return {"input_data": {"columns": [column["name"] for column in columns], "index": [0], "data": [row]}}


def _zeros(spec: dict) -> list:
    """Nested lists of the tensor's shape, one long where any size goes; empty for one too large to be read."""
    shape = [max(int(size), 1) for size in spec.get("shape", [])]
    kind = spec.get("dtype", "")
    value: Any = 0.0 if kind.startswith("float") else False if kind == "bool" else 0 if "int" in kind else ""
    if math.prod(shape) > MOST_VALUES:
        return []
    for size in reversed(shape):
        value = [value] * size
    return value


def body(version: ModelVersion | None, cells: Sequence[str]) -> dict:
    """What a filled form means, a cell a field; raises Invalid that names the column of a cell that will not do."""
    known = fields(version)
    if len(cells) != len(known):
        raise Invalid(f"cell: {len(cells)} values came for {len(known)} columns. Reload the page.", target="cell")
    columns, row = [], []
    for field, column, text in zip(known, _inputs(version), cells, strict=True):
        if not text.strip() and not field.required:
            continue
        columns.append(column)
        row.append(_read(field, text))
    return _split(columns, row) if columns else {"input_data": [[]]}


def _read(field: Field, text: str) -> Any:
    try:
        return _value(field.type, text)
    except ValueError:
        what = f"{text!r} is not" if text.strip() else "it is empty; it takes"
        raise Invalid(f"{field.name}: {what} {field.word} ({field.type}).", target=field.name) from None


def _value(kind: str, text: str) -> Any:
    if kind in ("string", "binary"):
        return text
    text = text.strip()
    if kind in ("double", "float"):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    if kind in ("long", "integer"):
        return int(text)
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if kind == "datetime":
        if not text:
            raise ValueError(text)
        return text
    return json.loads(text)


def laid_out(value: Any, indent: str = "", lead: int = 0) -> str:
    """JSON over several lines, with a list or object that fits into one left on it; `lead` characters precede it."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + lead + len(flat) < LINE or not isinstance(value, list | dict) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        names = [json.dumps(key, ensure_ascii=False) + ": " for key in value]
        parts = [name + laid_out(item, inner, len(name)) for name, item in zip(names, value.values(), strict=True)]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    if not any(isinstance(item, list | dict) for item in value):
        return (
            "[\n" + "\n".join(_lines([json.dumps(item, ensure_ascii=False) for item in value], inner)) + f"\n{indent}]"
        )
    return "[\n" + ",\n".join(inner + laid_out(item, inner) for item in value) + f"\n{indent}]"


def _lines(words: list[str], indent: str) -> list[str]:
    """Values separated by commas, as many on a line as fit."""
    lines, last = [], len(words) - 1
    for place, word in enumerate(words):
        piece = word + ("," if place < last else "")
        if lines and len(lines[-1]) + len(piece) < LINE:
            lines[-1] += f" {piece}"
        else:
            lines.append(indent + piece)
    return lines
