"""The metric store: points of a series in blocks, one a request, and the latest point of each series.

A block holds points of 24 bytes: step and time in milliseconds as signed 64-bit integers, then the
value as a double, little-endian. A batch of a thousand points of one series is one row, and a history
one range of the table. On SQLite that measured four times the batches a second of a row a point, and
a history of 10,000 points read in a third of the time.
"""

import math
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from operator import lt
from struct import Struct
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.kit import id_lists
from app.tracking.tables import LatestMetric, LoggedModelMetric, MetricBlock, MetricHead

_POINT = Struct("<qqd")


class Metric(NamedTuple):
    """A point to be logged. `timestamp` is Unix time in milliseconds."""

    key: str
    value: float
    timestamp: int
    step: int
    model_id: str | None = None
    dataset_name: str = ""
    dataset_digest: str = ""


class Point(NamedTuple):
    step: int
    timestamp: int
    value: float


class Columns(NamedTuple):
    """Points of a series by column, each as long as the others: steps, times in milliseconds, values."""

    steps: array
    times: array
    values: array

    @classmethod
    def empty(cls) -> "Columns":
        return cls(array("q"), array("q"), array("d"))

    def extend(self, block: bytes) -> None:
        whole, values = array("q", block), array("d", block)
        if sys.byteorder == "big":
            whole.byteswap()
            values.byteswap()
        self.steps.extend(whole[0::3])
        self.times.extend(whole[1::3])
        self.values.extend(values[2::3])

    def in_order(self) -> "Columns":
        """By step, then time, and what a client sent twice once."""
        if all(map(lt, self.steps, islice(self.steps, 1, None))):
            return self
        points = sorted(dict.fromkeys(zip(*self, strict=True)), key=lambda point: point[:2])
        return Columns(*(array(code, part) for code, part in zip("qqd", zip(*points, strict=True), strict=True)))

    def between(self, first: int | None, last: int | None) -> "Columns":
        """Of points in order those from one step to another, both included; None is open."""
        start = 0 if first is None else bisect_left(self.steps, first)
        end = len(self.steps) if last is None else bisect_right(self.steps, last)
        return Columns(*(part[start:end] for part in self))


class Latest(NamedTuple):
    key: str
    value: float
    step: int
    timestamp: int


def append(session: Session, job_id: int, metrics: Sequence[Metric]) -> int:
    """Store points of a run; returns the position after them."""
    series: dict[str, list[Metric]] = {}
    for metric in metrics:
        series.setdefault(metric.key, []).append(metric)
    if not series:
        return 0
    connection = session.connection()
    dialect = connection.dialect.name
    end = connection.scalar(_STATEMENTS[dialect].reserve, {"job_id": job_id, "count": len(series)})
    blocks = [
        {
            "job_id": job_id,
            "key": key,
            "position": end - index,
            "points": b"".join(_POINT.pack(found.step, found.timestamp, found.value) for found in points),
        }
        for index, (key, points) in enumerate(series.items())
    ]
    connection.execute(_INSERT_BLOCK, blocks)
    connection.execute(
        _STATEMENTS[dialect].latest, [_row(job_id, max(points, key=_newest)) for points in series.values()]
    )
    append_of_models(session, job_id, [metric for metric in metrics if metric.model_id])
    return end


def _newest(metric: Metric) -> tuple:
    return metric.step, metric.timestamp, -math.inf if math.isnan(metric.value) else metric.value


def _row(job_id: int, metric: Metric) -> dict:
    value = None if math.isnan(metric.value) else metric.value
    return {"job_id": job_id, "key": metric.key, "value": value, "step": metric.step, "timestamp": metric.timestamp}


def append_of_models(session: Session, job_id: int, metrics: Sequence[Metric]) -> None:
    """Keep what a run measured of logged models; each metric names its model."""
    if not metrics:
        return
    newest: dict[tuple, Metric] = {}
    for metric in metrics:
        identity = (metric.model_id, metric.key, metric.dataset_name, metric.dataset_digest)
        newest[identity] = max(newest.get(identity, metric), metric, key=_newest)
    rows = [
        _row(job_id, metric)
        | {"model_id": metric.model_id, "dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest}
        for metric in newest.values()
    ]
    connection = session.connection()
    connection.execute(_STATEMENTS[connection.dialect.name].of_models, rows)


def history(session: Session, job_id: int, key: str) -> list[Point]:
    """Every point of a series, by time, then step. What a client sent twice is there once."""
    found = session.scalars(_BLOCKS, {"job_id": job_id, "key": key})
    points = dict.fromkeys(_unpack(found))
    return sorted(points, key=lambda point: (point.timestamp, point.step))


def _unpack(blocks: Iterable[bytes]) -> Iterable[Point]:
    return map(Point._make, chain.from_iterable(_POINT.iter_unpack(block) for block in blocks))


def points_of(columns: Columns | None) -> Iterable[Point]:
    return map(Point._make, zip(*columns, strict=True)) if columns else ()


def bits(point: Point) -> bytes:
    """What tells one point from another, where a NaN equals itself and 0.0 is not -0.0."""
    return _POINT.pack(*point)


def history_since(
    session: Session, job_id: int, keys: Sequence[str], position: int = 0
) -> tuple[dict[str, Columns], int]:
    """The points of some series that were stored after a position, in that order, and the position to go on from."""
    found = session.execute(
        select(MetricBlock.key, MetricBlock.position, MetricBlock.points)
        .where(MetricBlock.job_id == job_id, MetricBlock.key.in_(keys), MetricBlock.position > position)
        .order_by(MetricBlock.key, MetricBlock.position)
    )
    series: dict[str, Columns] = {}
    for key, at, block in found:
        series.setdefault(key, Columns.empty()).extend(block)
        position = max(position, at)
    return series, position


def latest(session: Session, job_ids: Sequence[int]) -> dict[int, list[Latest]]:
    """The newest point of every series of some runs, by key."""
    metrics: dict[int, list[Latest]] = {}
    for job_id, key, value, step, timestamp in latest_rows(session, job_ids):
        metrics.setdefault(job_id, []).append(Latest(key, math.nan if value is None else value, step, timestamp))
    return metrics


def latest_rows(session: Session, job_ids: Sequence[int]) -> Sequence[tuple[int, str, float | None, int, int]]:
    """The newest points as they are stored, by run and key: job id, key, value (None for NaN), step, timestamp."""
    return id_lists.plain_rows(session, _LATEST, job_ids)


def position(session: Session, job_id: int) -> int:
    return session.scalar(select(MetricHead.position).where(MetricHead.job_id == job_id)) or 0


def remove(session: Session, job_id: int) -> None:
    for table in (MetricBlock, LatestMetric, MetricHead, LoggedModelMetric):
        session.execute(delete(table).where(table.job_id == job_id))


_BLOCKS = (
    select(MetricBlock.points)
    .where(MetricBlock.job_id == bindparam("job_id"), MetricBlock.key == bindparam("key"))
    .order_by(MetricBlock.position)
)
_LATEST = (
    select(LatestMetric.job_id, LatestMetric.key, LatestMetric.value, LatestMetric.step, LatestMetric.timestamp)
    .where(id_lists.is_in(LatestMetric.job_id))
    .order_by(LatestMetric.job_id, LatestMetric.key)
)
_INSERT_BLOCK = insert(MetricBlock.__table__)


class _Upserts:
    """The statements that SQLite and PostgreSQL write alike, but SQLAlchemy builds for each."""

    def __init__(self, dialect) -> None:
        heads = MetricHead.__table__
        count = bindparam("count", type_=heads.c.position.type)
        reserve = dialect.insert(heads).values(job_id=bindparam("job_id"), position=count)
        self.reserve = reserve.on_conflict_do_update(
            index_elements=["job_id"], set_={"position": heads.c.position + count}
        ).returning(heads.c.position)
        self.latest = self._keep_newest(dialect, LatestMetric.__table__, ["job_id", "key"])
        self.of_models = self._keep_newest(
            dialect, LoggedModelMetric.__table__, ["model_id", "job_id", "key", "dataset_name", "dataset_digest"]
        )

    @staticmethod
    def _keep_newest(dialect, table, identity: list[str]):
        statement = dialect.insert(table)
        new, old = statement.excluded, table.c
        is_newer = or_(
            new.step > old.step,
            and_(
                new.step == old.step,
                or_(new.timestamp > old.timestamp, and_(new.timestamp == old.timestamp, new.value > old.value)),
            ),
        )
        changed = {"value": new.value, "step": new.step, "timestamp": new.timestamp}
        return statement.on_conflict_do_update(index_elements=identity, set_=changed, where=is_newer)


_STATEMENTS = {"sqlite": _Upserts(sqlite), "postgresql": _Upserts(postgresql)}
