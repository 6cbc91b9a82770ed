"""When a metric has crossed a line. Pure: knows nothing of the database."""

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass

from app.jobs.lifecycle import Status

OCCASIONS = {
    "failed": "fails",
    "canceled": "is canceled",
    "completed": "completes",
    "ended": "ends, however it does",
    "stalled": "stalls",
    "metric": "has a metric that crosses a line",
}
ENDPOINT_OCCASIONS = {
    "endpoint_errors": "fails more than a share of its requests",
    "endpoint_slow": "answers slower than a limit",
    "endpoint_unready": "has no instance that is ready",
}
ENDS = {
    Status.FAILED: ("failed", "ended"),
    Status.CANCELED: ("canceled", "ended"),
    Status.COMPLETED: ("completed", "ended"),
}
AGGREGATES = ("last", "min", "max")
COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
NOT_FINITE = "nan"
"""The operator that needs no threshold: the value is NaN or infinite."""

OPERATORS = (*COMPARISONS, NOT_FINITE)
_BEST = {"min": min, "max": max}


@dataclass(frozen=True)
class Line:
    """What a metric must not cross: `aggregate` of its points so far, `count` times in a row."""

    metric: str
    aggregate: str
    operator: str
    threshold: float | None
    count: int

    def is_crossed_by(self, value: float) -> bool:
        if self.operator == NOT_FINITE:
            return not math.isfinite(value)
        return COMPARISONS[self.operator](value, self.threshold)

    def describe(self) -> str:
        what = self.metric if self.aggregate == "last" else f"the {self.aggregate} of {self.metric}"
        line = "is no finite number" if self.operator == NOT_FINITE else f"{self.operator} {self.threshold:g}"
        times = f", {self.count} times in a row" if self.count > 1 else ""
        return f"{what} {line}{times}"


@dataclass
class Progress:
    """How far the points of one series were looked at, in the order in which they came.

    `best` is the least or greatest so far, `streak` how many of the latest were over the line.
    """

    position: int = 0
    best: float | None = None
    streak: int = 0

    def look(self, line: Line, steps: Iterable[int], values: Iterable[float]) -> tuple[float, int] | None:
        """Value and step where the line was crossed for long enough, or None."""
        for step, point in zip(steps, values, strict=True):
            value = self._aggregate(line, point)
            self.streak = self.streak + 1 if line.is_crossed_by(value) else 0
            if self.streak >= line.count:
                return value, step
        return None

    def _aggregate(self, line: Line, value: float) -> float:
        if line.aggregate == "last" or (math.isnan(value) and line.operator == NOT_FINITE):
            return value
        if not math.isnan(value):
            self.best = value if self.best is None else _BEST[line.aggregate](self.best, value)
        return math.nan if self.best is None else self.best
