"""Series as charts take them: whole or from a position on, thinned without losing a spike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.jobs.tables import Job
from app.tracking import metrics
from app.tracking.metrics import Point

MOST_POINTS = 2000


@dataclass(frozen=True)
class Series:
    """`points` are `[step, milliseconds since 1970, value]`, where a value that is not finite is None."""

    run: str
    key: str
    points: list[list] = field(default_factory=list)


def series(
    session: Session, job: Job, keys: Sequence[str], *, after: int | None = None, most: int = MOST_POINTS
) -> tuple[list[Series], int]:
    """The series of a run, and the position to ask from next; thinned to `most` points when asked from the start."""
    found, position = metrics.history_since(session, job.id, keys, after or 0)
    shown = []
    for key in keys:
        points = found.get(key, [])
        if after is None:
            points = thin(sorted(dict.fromkeys(points), key=lambda point: (point.step, point.timestamp)), most)
        shown.append(Series(job.name, key, [[point.step, point.timestamp, finite(point.value)] for point in points]))
    return shown, position


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` points that still show the lowest and highest value of every stretch, and both ends."""
    if len(points) <= most:
        return list(points)
    stretches = max(most // 2, 1)
    kept = [points[0]]
    for number in range(stretches):
        stretch = points[number * len(points) // stretches : (number + 1) * len(points) // stretches]
        finite = [point for point in stretch if math.isfinite(point.value)] or list(stretch[:1])
        ends = (min(finite, key=_value), max(finite, key=_value))
        kept += ends if ends[0].step <= ends[1].step else reversed(ends)
    return list(dict.fromkeys([*kept, points[-1]]))


def _value(point: Point) -> float:
    return point.value
