"""Charts of many traces over time: how many, how long they took, how many tokens they used."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.kit.clock import from_milliseconds, milliseconds, now
from app.traces import metrics, queries, waterfall
from app.traces.metrics import Aggregation, Point, Wanted
from app.traces.queries import Filter
from app.traces.tables import Trace

WIDTH, HEIGHT = 600, 100
"""Units of a chart, whatever size it is shown at."""

MOST_BUCKETS = 60
MOST_SORTED = 20_000
"""Traces of which percentiles are computed: where there are more, every second, third and so on stands for all."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SIZES = (
    *(1, 2, 5, 10, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY, 365 * _DAY),
)
_PERCENTS = (50.0, 90.0, 99.0)


@dataclass(frozen=True)
class Bar:
    """Placed in a chart's units, from the left and from the top."""

    x: float
    y: float
    width: float
    height: float
    series: str


@dataclass(frozen=True)
class Span:
    """The stretch of a chart that is one bucket of time; `words` says what is in it."""

    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Chart:
    """`top` is the largest value; `legend` holds a series, its name and its value over the whole time."""

    title: str
    top: str
    legend: list[tuple[str, str, str]]
    spans: list[Span]
    note: str = ""
    bars: list[Bar] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Charts:
    start: datetime
    end: datetime
    bucket: str
    shown: list[Chart]


@dataclass(frozen=True)
class _Axis:
    """Buckets of `size` milliseconds from `first` on."""

    first: int
    size: int
    count: int

    @property
    def step(self) -> float:
        return WIDTH / self.count

    def place(self, bucket: int) -> float:
        return (bucket - self.first) / self.size * self.step


Series = dict[int, float]
"""A value a bucket, by the millisecond at which it begins."""


def charts(session: Session, workspace_id: int, narrowed: Filter) -> Charts | None:
    """None where there is no trace."""
    among = queries.conditions(workspace_id, narrowed)
    ends = func.min(Trace.started_ms), func.max(Trace.started_ms), func.count(Trace.id)
    first, last, count = session.execute(select(*ends).where(*among)).one()
    if not count:
        return None
    # A span of time that was asked for is shown whole, so that silence is seen.
    start, end = narrowed.since_ms or first, max(last, milliseconds(now()) if narrowed.since_ms else 0)
    seconds = next((size for size in _SIZES if (end - start) / 1000 / size < MOST_BUCKETS - 1), _SIZES[-1])
    axis = _Axis(start // (seconds * 1000) * seconds * 1000, seconds * 1000, 0)
    axis = _Axis(axis.first, axis.size, max((end - axis.first) // axis.size + 1, 1))
    read = _Reader(session, among, seconds, start, end, -(-count // MOST_SORTED))
    shown = [_requests(read, axis), _latency(read, axis), _tokens(read, axis)]
    return Charts(from_milliseconds(start), from_milliseconds(end), _size(seconds), [one for one in shown if one])


def _size(seconds: int) -> str:
    units = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
    return next(f"{seconds // unit} {word}" for unit, word in units if seconds >= unit)


@dataclass(frozen=True)
class _Reader:
    session: Session
    among: Sequence[ColumnElement[bool]]
    seconds: int
    start: int
    end: int

    stride: int

    def sums(self, metric: str, type: str, dimensions: Sequence[str] = ()) -> dict[str, Series]:
        """A series a value of the dimension, "" without one."""
        found: dict[str, Series] = {}
        for at, point in self._points(metric, [Aggregation(type)], self.among, dimensions):
            name = point.dimensions[dimensions[0]] if dimensions else ""
            found.setdefault(name, {})[at] = point.values[type]
        return found

    def percentiles(self, metric: str, aggregations: Sequence[Aggregation]) -> list[Series]:
        """A series an aggregation."""
        found: list[Series] = [{} for _ in aggregations]
        for at, point in self._points(metric, aggregations, self._sample):
            for series, one in zip(found, aggregations, strict=True):
                series[at] = point.values[one.label]
        return found

    def whole(self, metric: str, aggregations: Sequence[Aggregation]) -> list[float]:
        """Each aggregation over the whole time, in which there must be a value."""
        wanted = Wanted("TRACES", metric, aggregations, start_ms=self.start, end_ms=self.end)
        (point,) = metrics.query(self.session, self._sample, wanted, count=1)
        return [point.values[one.label] for one in aggregations]

    @property
    def _sample(self) -> list[ColumnElement[bool]]:
        return [*self.among, Trace.id % self.stride == 0] if self.stride > 1 else [*self.among]

    def _points(
        self,
        metric: str,
        aggregations: Sequence[Aggregation],
        among: Sequence[ColumnElement[bool]],
        dimensions: Sequence[str] = (),
    ) -> Iterator[tuple[int, Point]]:
        wanted = Wanted("TRACES", metric, aggregations, dimensions, (), self.seconds, self.start, self.end)
        for point in metrics.query(self.session, among, wanted, count=10 * MOST_BUCKETS):
            yield milliseconds(datetime.fromisoformat(point.dimensions[metrics.BUCKET])), point


def _requests(read: _Reader, axis: _Axis) -> Chart:
    by_state = read.sums("trace_count", "COUNT", ["trace_status"])
    failed, others = by_state.pop("ERROR", {}), _summed(by_state.values())
    wrong, all_ = sum(failed.values()), sum(failed.values()) + sum(others.values())
    legend = [("1", "Requests", _number(all_)), ("error", "Errors", f"{_number(wrong)} ({wrong / all_:.1%})")]
    return _stacked("Requests", axis, [("error", "errors", failed), ("1", "others", others)], legend)


def _summed(several: Iterable[Series]) -> Series:
    found: Series = {}
    for series in several:
        for bucket, value in series.items():
            found[bucket] = found.get(bucket, 0) + value
    return found


def _latency(read: _Reader, axis: _Axis) -> Chart | None:
    percentiles = [Aggregation("PERCENTILE", percent) for percent in _PERCENTS]
    series = read.percentiles("latency", percentiles)
    if not series[0]:
        return None
    top = max(value for one in series for value in one.values())
    whole = read.whole("latency", percentiles)
    names = [f"p{percent:.0f}" for percent in _PERCENTS]
    labels = ("1", "2", "4")
    return Chart(
        title="Latency",
        top=_elapsed(top),
        legend=[(label, name, _elapsed(value)) for label, name, value in zip(labels, names, whole, strict=True)],
        spans=_spans(axis, dict(zip(names, series, strict=True)), _elapsed),
        note=f"from one in {read.stride} traces" if read.stride > 1 else "",
        lines=[(label, _path(axis, one, top or 1)) for label, one in zip(labels, series, strict=True)],
    )


def _tokens(read: _Reader, axis: _Axis) -> Chart | None:
    read_in, written = (read.sums(metric, "SUM").get("", {}) for metric in ("input_tokens", "output_tokens"))
    if not read_in and not written:
        return None
    legend = [
        ("3", "Input", _number(sum(read_in.values()))),
        ("4", "Output", _number(sum(written.values()))),
    ]
    return _stacked("Tokens", axis, [("3", "input", read_in), ("4", "output", written)], legend)


def _stacked(
    title: str, axis: _Axis, stacked: Sequence[tuple[str, str, Series]], legend: list[tuple[str, str, str]]
) -> Chart:
    """The first series stands at the bottom."""
    sums: Series = {}
    bars: list[tuple[int, str, float, float]] = []
    for label, _, series in stacked:
        for bucket, value in series.items():
            bars.append((bucket, label, sums.get(bucket, 0), value))
            sums[bucket] = sums.get(bucket, 0) + value
    top = max(sums.values(), default=0) or 1
    gap = axis.step * 0.15
    return Chart(
        title=title,
        top=_number(top),
        legend=legend,
        spans=_spans(axis, {name: series for _, name, series in stacked}, _number),
        bars=[
            Bar(
                x=round(axis.place(bucket) + gap / 2, 2),
                y=round(HEIGHT - (below + value) / top * HEIGHT, 2),
                width=round(axis.step - gap, 2),
                height=round(value / top * HEIGHT, 2),
                series=label,
            )
            for bucket, label, below, value in bars
        ],
    )


def _spans(axis: _Axis, named: dict[str, Series], shown: Callable[[float], str]) -> list[Span]:
    """A bucket in which nothing is says nothing."""
    return [
        Span(
            x=round(axis.place(bucket), 2),
            width=round(axis.step, 2),
            words=f"{from_milliseconds(bucket):%Y-%m-%d %H:%M:%S} UTC: "
            + ", ".join(f"{name} {shown(series[bucket])}" for name, series in named.items() if bucket in series),
        )
        for bucket in sorted({bucket for series in named.values() for bucket in series})
    ]


def _path(axis: _Axis, series: Series, top: float) -> str:
    """A step a bucket, so that one alone is seen as well; broken where there is nothing."""
    drawn, before = [], None
    for bucket, value in sorted(series.items()):
        x, y = axis.place(bucket), HEIGHT - value / top * HEIGHT
        move = "L" if before == bucket - axis.size else "M"
        drawn.append(f"{move}{x:.2f} {y:.2f}H{x + axis.step:.2f}")
        before = bucket
    return "".join(drawn)


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _elapsed(duration_ms: float) -> str:
    return waterfall.elapsed(round(duration_ms * 1_000_000))
