"""Curves of groups of runs: the mean of a metric at each step, with a band around it."""

import math
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.tracking import comparison, groups, metrics, table
from app.tracking.groups import Grouping

BANDS = {"range": "lowest to highest", "deviation": "± standard deviation", "confidence": "95 % interval of the mean"}
MOST_GROUPS = 8
MOST_RUNS = 20
MOST_STEPS = 500


def series(session: Session, wanted: table.Wanted, by: Grouping, metric: str, band: str) -> list[dict]:
    """The largest groups as curves: `{"run": name of the group, "key", "points": [[step, ms, mean, low, high], …]}`.

    A step is averaged over those of the newest MOST_RUNS runs that logged it; NaN and infinities are left out.
    """
    if band not in BANDS:
        raise Invalid(f"band: {band!r} is no band. Use {', '.join(BANDS)}.", target="band")
    shown = groups.page(session, wanted, by, metric, 1, MOST_GROUPS).rows
    names = groups.names(session, by, shown)
    newest = table.Wanted(wanted.workspace_id, wanted.narrowed, wanted.filter)
    found = []
    for group in shown:
        runs = groups.rows(session, newest, by, group, MOST_RUNS)
        name = f"{names[group.id]} (n = {len(runs)})"
        found.append({"run": name, "key": metric, "points": _curve(session, [job.id for job in runs], metric, band)})
    return found


def _curve(session: Session, job_ids: Sequence[int], metric: str, band: str) -> list[list]:
    steps: dict[int, tuple[int, list[float]]] = {}
    for job_id in job_ids:
        logged, _ = metrics.history_since(session, job_id, [metric])
        if metric not in logged:
            continue
        for step, (time, value) in {s: (t, v) for s, t, v in zip(*logged[metric].in_order(), strict=True)}.items():
            if math.isfinite(value):
                steps.setdefault(step, (time, []))[1].append(value)
    ordered = sorted(steps)
    stride = -(-len(ordered) // MOST_STEPS) or 1
    return [[step, steps[step][0], *_band(steps[step][1], band)] for step in ordered[::stride]]


def _band(values: Sequence[float], band: str) -> tuple[float, float, float]:
    mean = math.fsum(value / len(values) for value in values)
    if band == "range" or len(values) < 2:
        return mean, min(values), max(values)
    reach = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    if band == "confidence":
        reach *= comparison.quantile(0.975, len(values) - 1) / math.sqrt(len(values))
    return mean, mean - reach, mean + reach
