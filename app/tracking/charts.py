"""Series as charts take them: whole or from a position on, thinned without losing a spike."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.database import reading
from app.jobs.tables import Job
from app.tracking import metrics
from app.tracking.metrics import Columns

MOST_POINTS = 2000
FEWEST_POINTS = 200
ALL_POINTS = 20_000
"""Of one metric over all runs that are drawn together."""


@dataclass(frozen=True)
class Series:
    """`points` are `[step, milliseconds since 1970, value]`, where a value that is not finite is None.

    A thinned stretch is one point `[last step, its time, mean, lowest, highest]`.
    """

    run: str
    key: str
    points: list[list] = field(default_factory=list)


@dataclass(frozen=True)
class Range:
    """Steps to be looked at more closely, both ends included; None is open."""

    first: int | None = None
    last: int | None = None


def points_for(runs: int) -> int:
    """How many points a series has at most when so many runs are drawn over one another."""
    return max(FEWEST_POINTS, min(MOST_POINTS, ALL_POINTS // max(runs, 1)))


def series(
    session: Session,
    job: Job,
    keys: Sequence[str],
    *,
    after: int | None = None,
    most: int = MOST_POINTS,
    within: Range | None = None,
) -> tuple[list[Series], int]:
    """The series of a run, and the position to ask from next; thinned to `most` points when asked from the start."""
    found, position = metrics.history_since(session, job.id, keys, after or 0)
    shown = []
    for key in keys:
        columns = found.get(key) or Columns.empty()
        if after is None:
            columns = columns.in_order()
            if within:
                columns = columns.between(within.first, within.last)
        points = rows(columns) if after is not None else thin(columns, most)
        shown.append(Series(job.name, key, points))
    return shown, position


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def rows(columns: Columns) -> list[list]:
    return [[step, time, finite(value)] for step, time, value in zip(*columns, strict=True)]


def thin(columns: Columns, most: int) -> list[list]:
    """At most about `most` points: the first and last as they are, and those between in stretches of equal count.

    Stretches hold a power of two of points, so that runs which log at the same steps share their positions.
    """
    steps, times, values = columns
    count = len(steps)
    if count <= most:
        return rows(columns)
    size = 1 << math.ceil(math.log2((count - 2) / max(most - 2, 1)))
    kept = [[steps[0], times[0], finite(values[0])]]
    for start in range(1, count - 1, size):
        end = min(start + size, count - 1)
        kept.append([steps[end - 1], times[end - 1], *_summary(values[start:end])])
    return [*kept, [steps[-1], times[-1], finite(values[-1])]]


def _summary(values: Sequence[float]) -> tuple:
    total = sum(values)
    if not math.isfinite(total):
        values = [value for value in values if math.isfinite(value)]
        if not values:
            return (None,)
        # Halved before they are added, as the sum of finite values may still overflow.
        total = math.fsum(value / len(values) for value in values) * len(values)
    low, high = min(values), max(values)
    mean = total / len(values)
    return min(max(mean, low), high), low, high


def csv_lines(runs: Sequence[tuple[int, str]], keys: Sequence[str]) -> Iterator[str]:
    """Every point of some metrics as CSV: run, key, step, milliseconds since 1970, value.

    `runs` are ids with what to call the run. A series at a time is read, in a session of its own.
    """
    yield "run,key,step,timestamp,value\n"
    for job_id, label in runs:
        for key in keys:
            with reading() as session:
                found, _ = metrics.history_since(session, job_id, [key])
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            for step, time, value in zip(*(found.get(key) or Columns.empty()).in_order(), strict=True):
                writer.writerow([label, key, step, time, value])
            yield text.getvalue()
