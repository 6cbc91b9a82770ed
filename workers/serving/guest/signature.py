"""Checks a request against the signature that a model was saved with.

Signatures are those of MLflow: `mlflow.types.Schema.to_dict()`, a list of columns or of tensors.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import BadInput

NUMBERS = {"float", "double"}
INTEGERS = {"integer": 31, "long": 63}
WORDS = {
    "float": "a number (float)",
    "double": "a number (double)",
    "integer": "a whole number (32-bit integer)",
    "long": "a whole number (64-bit integer)",
    "boolean": "true or false (boolean)",
    "string": "a string",
    "binary": "a base64 string (binary)",
    "datetime": "an ISO 8601 date and time (datetime)",
    "array": "a list (array)",
    "object": "an object",
    "map": "an object (map)",
}


@dataclass(frozen=True)
class Column:
    """`spec` is MLflow's own description, which nested types need."""

    name: str | None
    type: str
    required: bool
    spec: dict


@dataclass(frozen=True)
class Tensor:
    """`shape` has -1 where any size goes; `dtype` is numpy's name."""

    name: str | None
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()

    @property
    def is_named(self) -> bool:
        return any(item.name is not None for item in (*self.columns, *self.tensors))

    @property
    def names(self) -> list[str]:
        return [item.name for item in (*self.columns, *self.tensors) if item.name is not None]


@dataclass(frozen=True)
class Table:
    """Rows of cells. `columns` is None where the request named none; `field` is where it came from.

    `is_text` says that every cell is a string whatever it means, as in CSV.
    """

    columns: list[str] | None
    rows: list[list]
    field: str
    is_text: bool = False


def read_cells(table: Table, words: Collection[int] = ()) -> Table:
    """A text table with its cells read as what they look like, except in the columns at `words`."""
    rows = [[cell if place in words else _read_cell(cell) for place, cell in enumerate(row)] for row in table.rows]
    return Table(table.columns, rows, table.field)


def _read_cell(text: str) -> Any:
    if text == "":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read_as in (int, float):
        try:
            return read_as(text)
        except ValueError:
            continue
    return text


def parse(schema: list[dict] | None) -> Signature | None:
    """None for a model without inputs in its signature."""
    if not schema:
        return None
    if all(item.get("type") == "tensor" for item in schema):
        return Signature(tensors=tuple(_tensor(item) for item in schema))
    return Signature(
        columns=tuple(Column(item.get("name"), item["type"], item.get("required", True), item) for item in schema)
    )


def _tensor(item: dict) -> Tensor:
    spec = item["tensor-spec"]
    return Tensor(item.get("name"), spec["dtype"], tuple(spec["shape"]))


def check_table(signature: Signature, table: Table) -> Table:
    """The table with exactly the signature's columns, in its order, optional ones only where given.

    Raises BadInput that names the column and the row (counted from 0).
    """
    wanted = signature.columns
    if signature.is_named and table.columns is not None:
        table, wanted = _arranged(signature, table)
    elif signature.is_named:
        table = Table([column.name for column in wanted], table.rows, table.field, table.is_text)
    _check_widths(table, len(wanted))
    if table.is_text:
        words = {place for place, column in enumerate(wanted) if column.type in ("string", "binary", "datetime")}
        table = read_cells(table, words)
    for place, column in enumerate(wanted):
        _check_cells(column, place, [row[place] for row in table.rows])
    return table


def _arranged(signature: Signature, table: Table) -> tuple[Table, tuple[Column, ...]]:
    given = table.columns
    twice = next((name for name in given if given.count(name) > 1), None) if len(set(given)) < len(given) else None
    if twice is not None:
        raise BadInput(f"Column {twice!r} is given twice.", target=str(twice))
    missing = [column.name for column in signature.columns if column.required and column.name not in set(given)]
    extra = [name for name in given if name not in set(signature.names)]
    if missing or extra:
        raise BadInput(_difference(missing, extra, signature), target=str((missing or extra)[0]))
    wanted = tuple(column for column in signature.columns if column.name in set(given))
    order = [given.index(column.name) for column in wanted]
    if order == list(range(len(given))):
        return table, wanted
    _check_widths(table, len(given))
    rows = [[row[place] for place in order] for row in table.rows]
    return Table([column.name for column in wanted], rows, table.field, table.is_text), wanted


def _difference(missing: list[str], extra: list[str], signature: Signature) -> str:
    said = []
    if missing:
        said.append(f"Missing {_columns(missing)}.")
    if extra:
        said.append(f"Unknown {_columns(extra)}.")
    return " ".join(said) + f" Expected the {len(signature.columns)} {_columns(signature.names, 'columns')}."


def _columns(names: Sequence[str], word: str | None = None) -> str:
    shown = ", ".join(repr(name) for name in names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"{word or ('column' if len(names) == 1 else 'columns')} {shown}"


def _check_widths(table: Table, width: int) -> None:
    for number, row in enumerate(table.rows):
        if not isinstance(row, list):
            raise BadInput(
                f"{table.field}: row {number} is {_what(row)}. Expected a list of {width} values.", target=table.field
            )
        if len(row) != width:
            raise BadInput(
                f"{table.field}: row {number} has {len(row)} values. Expected {width}, one a column.",
                target=table.field,
            )


def _check_cells(column: Column, place: int, cells: list) -> None:
    # Types of all cells at once run at C speed; rows are looked at one by one only to find the wrong one.
    kinds = set(map(type, cells))
    if column.type in NUMBERS and kinds <= {int, float, type(None)}:
        return
    if column.type == "string" and kinds <= {str, type(None)}:
        return
    for number, cell in enumerate(cells):
        name = column.name if column.name is not None else str(place)
        if cell is None and not column.required:
            continue
        problem = _problem(column.spec, cell)
        if problem:
            raise BadInput(f"Column {name!r}, row {number}: {problem}", target=name)


def _problem(spec: dict, value: Any) -> str | None:
    """What is wrong with a value, as a sentence, or None."""
    kind = spec["type"]
    if kind == "any":
        return None
    if kind == "array" and isinstance(value, list):
        return _first(_problem(spec["items"], item) for item in value)
    if kind == "map" and isinstance(value, dict):
        return _first(_problem(spec["values"], item) for item in value.values())
    if kind == "object" and isinstance(value, dict):
        return _object_problem(spec["properties"], value)
    if _fits(kind, value):
        return None
    return f"expected {WORDS.get(kind, kind)}, got {_what(value)}."


def _first(problems) -> str | None:
    return next((problem for problem in problems if problem), None)


def _object_problem(properties: dict, value: dict) -> str | None:
    for name, spec in properties.items():
        if name not in value:
            if spec.get("required", True):
                return f"property {name!r} is missing."
            continue
        problem = _problem(spec, value[name])
        if problem:
            return f"property {name!r}: {problem}"
    extra = next((name for name in value if name not in properties), None)
    return f"unknown property {extra!r}." if extra is not None else None


def _fits(kind: str, value: Any) -> bool:
    if kind in NUMBERS:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    if kind in INTEGERS:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool) and abs(value) <= 2 ** INTEGERS[kind]
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        return value is None or isinstance(value, str)
    if kind == "binary":
        return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9+/\s]*={0,2}\s*", value) is not None
    if kind == "datetime":
        return isinstance(value, str) and _is_time(value)
    return False


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _what(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"the number {value}"


def check_tensor(tensor: Tensor, value: Any, field: str) -> None:
    """Raises BadInput when nested lists have not the tensor's shape, or a value not its dtype."""
    name = tensor.name or field
    shape = shape_of(value, name)
    expected = f"Expected shape {_shape(tensor.shape)} of {tensor.dtype}"
    same = len(shape) == len(tensor.shape) and all(
        want in (-1, have) for want, have in zip(tensor.shape, shape, strict=True)
    )
    if not same:
        raise BadInput(f"{name}: the shape is {_shape(shape)}. {expected}.", target=name)
    _check_leaves(value, tensor.dtype, name, name, len(shape))


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def shape_of(value: Any, field: str) -> tuple[int, ...]:
    """The shape of nested lists. Raises BadInput where they are ragged."""
    if not isinstance(value, list):
        return ()
    if not any(isinstance(item, list) for item in value):
        return (len(value),)
    shapes = [shape_of(item, f"{field}[{number}]") for number, item in enumerate(value)]
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise BadInput(
                f"{field}[{number}] has the shape {_shape(shape)}, {field}[0] has {_shape(shapes[0])}. "
                "Expected the same shape everywhere.",
                target=field.split("[")[0],
            )
    return (len(value), *shapes[0])


def _check_leaves(value: Any, dtype: str, field: str, target: str, depth: int) -> None:
    if depth > 1:
        for number, item in enumerate(value):
            _check_leaves(item, dtype, f"{field}[{number}]", target, depth - 1)
        return
    leaves = value if depth else [value]
    allowed, word = _leaf_types(dtype)
    if allowed is None or set(map(type, leaves)) <= allowed:
        return
    for number, leaf in enumerate(leaves):
        if type(leaf) not in allowed and not (int in allowed and type(leaf) is float and leaf.is_integer()):
            place = f"{field}[{number}]" if depth else field
            raise BadInput(f"{place}: expected {word} ({dtype}), got {_what(leaf)}.", target=target)


def _leaf_types(dtype: str) -> tuple[set[type] | None, str]:
    if dtype.startswith(("float", "complex")):
        return {int, float}, "a number"
    if dtype.startswith(("int", "uint")):
        return {int}, "a whole number"
    if dtype == "bool":
        return {bool}, "true or false"
    if dtype.startswith(("str", "<U", "|S", "bytes")):
        return {str}, "a string"
    return None, dtype
