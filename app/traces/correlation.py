"""How strongly two filters of traces go together: normalised pointwise mutual information.

The formula, its smoothing and where it is undefined: mlflow/store/analytics/trace_correlation.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from app.traces import search
from app.traces.tables import Trace

PRIOR = 0.5
"""Jeffreys' prior, which is added to each of the four counts."""


@dataclass(frozen=True)
class Correlation:
    """`npmi` is from -1 (never together) over 0 (independent) to 1 (always together), NaN where it is undefined."""

    npmi: float
    smoothed: float
    first: int
    second: int
    joint: int
    total: int


def correlate(
    session: Session, workspace_id: int, experiment_ids: Sequence[int], first: str, second: str, base: str = ""
) -> Correlation:
    """Of the traces that `base` finds, how those of `first` and of `second` coincide; raises Invalid."""
    one, other = and_(True, *search.conditions(first)), and_(True, *search.conditions(second))
    counted = [func.coalesce(func.sum(case((matched, 1), else_=0)), 0) for matched in (one, other, and_(one, other))]
    found = select(*counted, func.count(Trace.id)).where(
        Trace.workspace_id == workspace_id, Trace.experiment_id.in_(experiment_ids), *search.conditions(base)
    )
    counts = [int(count) for count in session.execute(found).one()]
    return Correlation(*npmi(*counts), *counts)


def npmi(first: int, second: int, joint: int, total: int) -> tuple[float, float]:
    """Plain and smoothed."""
    if total <= 0 or not first or not second:
        return math.nan, math.nan
    counts = joint, first - joint, second - joint, total - first - second + joint
    return -1.0 if joint == 0 else _npmi(*counts), _npmi(*counts, smoothing=PRIOR)


def _npmi(both: float, only_first: float, only_second: float, neither: float, smoothing: float = 0) -> float:
    if both and not (only_first or only_second or neither):
        return 1.0
    total = both + only_first + only_second + neither + 4 * smoothing
    together = both + smoothing
    first, second = together + only_first + smoothing, together + only_second + smoothing
    information = math.log(together) + math.log(total) - math.log(first) - math.log(second)
    return max(-1.0, min(1.0, information / (math.log(total) - math.log(together))))
