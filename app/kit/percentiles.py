"""Percentiles in SQL on every database, by linear interpolation as NumPy's default has it."""

import math
import sqlite3
from array import array

from sqlalchemy import ColumnElement, Double, Engine, event, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Percentile(FunctionElement):
    type = Double()
    inherit_cache = True
    name = "percentile_cont"


def percentile(column: ColumnElement, percent: float) -> ColumnElement[float]:
    """The aggregate of a column; `percent` is from 0 to 100."""
    return _Percentile(column, literal(percent / 100, Double()))


@compiles(_Percentile)
def _percentile(element, compiler, **options) -> str:
    column, fraction = [compiler.process(clause, **options) for clause in element.clauses]
    return f"percentile_cont({fraction}) WITHIN GROUP (ORDER BY {column})"


@compiles(_Percentile, "sqlite")
def _percentile_sqlite(element, compiler, **options) -> str:
    column, fraction = [compiler.process(clause, **options) for clause in element.clauses]
    return f"percentile_cont({column}, {fraction})"


class _Values:
    """What SQLite calls for each row of a group, and at its end."""

    def __init__(self) -> None:
        self.values = array("d")
        self.fraction = 0.0

    def step(self, value: float | None, fraction: float) -> None:
        if value is not None:
            self.values.append(value)
            self.fraction = fraction

    def finalize(self) -> float | None:
        if not self.values:
            return None
        ordered = sorted(self.values)
        place = self.fraction * (len(ordered) - 1)
        below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
        return below + (above - below) * (place - math.floor(place))


@event.listens_for(Engine, "connect")
def _install(connection, _record) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_aggregate("percentile_cont", 2, _Values)
