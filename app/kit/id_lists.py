"""Thousands of row ids as one parameter of a statement, which keeps it the same statement for every list."""

import json
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Items(FunctionElement):
    """The items of a JSON list, a row each."""

    name = "json_items"
    type = Text()
    inherit_cache = True


@compiles(_Items, "sqlite")
def _of_sqlite(element, compiler, **options) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"


@compiles(_Items, "postgresql")
def _of_postgresql(element, compiler, **options) -> str:
    items = compiler.process(element.clauses, **options)
    return f"(SELECT CAST(json_array_elements_text(CAST({items} AS json)) AS bigint))"


def is_in(column: ColumnElement, name: str = "ids") -> ColumnElement[bool]:
    """That a column of integers holds one of the ids given as the parameter `name`, written by `as_parameter`."""
    return column.op("IN", is_comparison=True)(_Items(bindparam(name, type_=Text)))


def as_parameter(ids: Iterable[int]) -> str:
    return json.dumps(list(ids))
