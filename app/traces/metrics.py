"""Numbers over many traces, their spans or their assessments: counts, sums, averages and percentiles.

The views, metrics, dimensions and filters are those of MLflow's queryTraceMetrics
(mlflow/store/tracking/utils/sql_trace_metrics_utils.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, distinct, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.kit.clock import from_milliseconds
from app.kit.filtering import Comparison, parse_filter
from app.kit.percentiles import percentile
from app.traces.search import of_run
from app.traces.service import NAME, SOURCE_RUN
from app.traces.tables import Assessment, Span, Trace, TraceMetadata, TraceTag

BUCKET = "time_bucket"
_SESSION = "mlflow.trace.session"
_SPREAD = ("AVG", "MAX", "MIN", "PERCENTILE")
_AMOUNT = (*_SPREAD, "SUM")
_NANO = 1_000_000
_SESSIONS = select(TraceMetadata.value).where(TraceMetadata.trace_id == Trace.id, TraceMetadata.key == _SESSION)
# As MLflow counts answers: yes and true are 1, no and false are 0.
_ANSWER = case(
    (func.lower(Assessment.value).in_(["true", '"yes"']), 1.0),
    (func.lower(Assessment.value).in_(["false", '"no"']), 0.0),
    else_=Assessment.number,
)

# A span that has not ended has no latency.
_SPAN_LATENCY = case((Span.end_ns >= Span.start_ns, (Span.end_ns - Span.start_ns) // _NANO))


@dataclass(frozen=True)
class Metric:
    column: ColumnElement
    aggregations: Sequence[str]
    dimensions: Sequence[str] = ()


@dataclass(frozen=True)
class Aggregation:
    """`type` is COUNT, SUM, AVG, MIN, MAX or PERCENTILE; only the last has a `percent`, from 0 to 100."""

    type: str
    percent: float | None = None

    @property
    def label(self) -> str:
        return self.type if self.percent is None else f"P{self.percent}"

    def of(self, column: ColumnElement) -> ColumnElement:
        if self.percent is not None:
            return percentile(column, self.percent)
        return getattr(func, self.type.lower())(column)


@dataclass(frozen=True)
class Wanted:
    """What is asked for. Times are Unix milliseconds, both included."""

    view: str
    metric: str
    aggregations: Sequence[Aggregation]
    dimensions: Sequence[str] = ()
    filters: Sequence[str] = ()
    interval_seconds: int = 0
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True)
class Point:
    """`dimensions` are texts; that of time is the begin of the bucket in ISO 8601."""

    dimensions: dict[str, str]
    values: dict[str, float]


_OF_NAME = ("trace_name",)
_OF_MODEL = ("span_model_name", "span_model_provider")
METRICS: dict[str, dict[str, Metric]] = {
    "TRACES": {
        "trace_count": Metric(Trace.id, ("COUNT",), ("trace_name", "trace_status")),
        "session_count": Metric(_SESSIONS.scalar_subquery(), ("COUNT",)),
        "latency": Metric(Trace.duration_ms, _SPREAD, _OF_NAME),
        "input_tokens": Metric(Trace.input_tokens, _AMOUNT, _OF_NAME),
        "output_tokens": Metric(Trace.output_tokens, _AMOUNT, _OF_NAME),
        "total_tokens": Metric(Trace.total_tokens, _AMOUNT, _OF_NAME),
        "cache_read_input_tokens": Metric(Trace.cache_read_tokens, _AMOUNT, _OF_NAME),
        "cache_creation_input_tokens": Metric(Trace.cache_creation_tokens, _AMOUNT, _OF_NAME),
    },
    "SPANS": {
        "span_count": Metric(Span.span_id, ("COUNT",), ("span_name", "span_type", "span_status", *_OF_MODEL)),
        "latency": Metric(_SPAN_LATENCY, _SPREAD, ("span_name", "span_status")),
        "input_cost": Metric(Span.input_cost, _AMOUNT, _OF_MODEL),
        "output_cost": Metric(Span.output_cost, _AMOUNT, _OF_MODEL),
        "total_cost": Metric(Span.total_cost, _AMOUNT, _OF_MODEL),
    },
    "ASSESSMENTS": {
        "assessment_count": Metric(Assessment.id, ("COUNT",), ("assessment_name", "assessment_value")),
        "assessment_value": Metric(_ANSWER, _SPREAD, ("assessment_name",)),
    },
}
_DIMENSIONS = {
    "trace_name": Trace.title,
    "trace_status": Trace.state,
    "span_name": Span.name,
    "span_type": Span.type,
    "span_status": Span.status,
    "span_model_name": Span.model,
    "span_model_provider": Span.provider,
    "assessment_name": Assessment.name,
    "assessment_value": Assessment.value,
}
_FILTERED = {
    "SPANS": {("span", "name"): Span.name, ("span", "status"): Span.status, ("span", "type"): Span.type},
    "ASSESSMENTS": {("assessment", "name"): Assessment.name, ("assessment", "type"): Assessment.kind},
}
_KEYED = re.compile(r"\btrace\.(tag|metadata)\.(?:`([^`]+)`|\"([^\"]+)\")")


def query(
    session: Session, among: Sequence[ColumnElement[bool]], wanted: Wanted, *, offset: int = 0, count: int
) -> list[Point]:
    """The points in order of time and dimensions; `among` narrows down the traces. Raises Invalid."""
    metric = _checked(wanted)
    inner = _values(among, wanted, metric)
    names = [column for column in inner.c if column.key != "value"]
    value = distinct(inner.c.value) if wanted.metric == "session_count" else inner.c.value
    found = select(*names, *[one.of(value) for one in wanted.aggregations])
    found = found.where(*[column.is_not(None) for column in inner.c]).group_by(*names).order_by(*names)
    return [
        Point(_named(names, row), values)
        for row in session.execute(found.offset(offset).limit(count))
        if (values := _filled(wanted.aggregations, row[len(names) :]))
    ]


def _named(columns: Sequence[ColumnElement], row: Sequence[Any]) -> dict[str, str]:
    return {
        column.key: from_milliseconds(value).isoformat() if column.key == BUCKET else value
        for column, value in zip(columns, row, strict=False)
    }


def _filled(aggregations: Sequence[Aggregation], row: Sequence[Any]) -> dict[str, float]:
    pairs = zip(aggregations, row, strict=True)
    return {one.label: float(value) for one, value in pairs if value is not None}


def _checked(wanted: Wanted) -> Metric:
    known = METRICS[wanted.view]
    if wanted.metric not in known:
        raise Invalid(
            f"metric_name must be one of {', '.join(known)} for the view {wanted.view}, got {wanted.metric!r}.",
            target="metric_name",
        )
    metric = known[wanted.metric]
    if not wanted.aggregations:
        raise Invalid("Missing value for required parameter 'aggregations'.", target="aggregations")
    for one in wanted.aggregations:
        if one.type not in metric.aggregations:
            raise Invalid(
                f"Found invalid aggregation_type(s): {one.type}. "
                f"Supported aggregation types: {', '.join(metric.aggregations)}.",
                target="aggregations",
            )
    for name in wanted.dimensions:
        if name not in metric.dimensions:
            supported = ", ".join(metric.dimensions) or "none"
            raise Invalid(
                f"Found invalid dimension(s): {name}. Supported dimensions: {supported}.", target="dimensions"
            )
    if wanted.interval_seconds and (wanted.start_ms is None or wanted.end_ms is None):
        raise Invalid(
            "start_time_ms and end_time_ms are required if time_interval_seconds is set.",
            target="time_interval_seconds",
        )
    return metric


def _values(among: Sequence[ColumnElement[bool]], wanted: Wanted, metric: Metric) -> Subquery:
    """A row a value: the bucket, the dimensions, the value."""
    columns = [_DIMENSIONS[name].label(name) for name in dict.fromkeys(wanted.dimensions)]
    if wanted.interval_seconds:
        size = wanted.interval_seconds * 1000
        at = Span.start_ns // _NANO if wanted.view == "SPANS" else Trace.started_ms
        columns.insert(0, ((at // size) * size).label(BUCKET))
    found = select(*columns, metric.column.label("value")).select_from(Trace).where(*among)
    if wanted.view == "SPANS":
        found = found.join(Span, Span.trace_id == Trace.id)
    if wanted.view == "ASSESSMENTS":
        found = found.join(Assessment, Assessment.trace_id == Trace.id).where(Assessment.valid)
    found = found.where(*[_condition(text, wanted.view) for text in wanted.filters])
    return _within(found, wanted).subquery()


def _within(found: Select, wanted: Wanted) -> Select:
    """Costs are of the time of their span, all else of the time of its trace."""
    by_span = wanted.view == "SPANS" and wanted.metric.endswith("_cost")
    if wanted.start_ms is not None:
        start = wanted.start_ms
        found = found.where(Span.start_ns >= _nanoseconds(start) if by_span else Trace.started_ms >= start)
    if wanted.end_ms is not None:
        end = wanted.end_ms
        found = found.where(Span.start_ns < _nanoseconds(end + 1) if by_span else Trace.started_ms <= end)
    return found


def _nanoseconds(milliseconds: int) -> int:
    return max(min(milliseconds * _NANO, 2**63 - 1), -(2**63))


def _condition(text: str, view: str) -> ColumnElement[bool]:
    comparisons = parse_filter(_KEYED.sub(lambda found: f"trace.`{found[1]}.{found[2] or found[3]}`", text))
    if len(comparisons) != 1:
        raise Invalid(f"Invalid filter: {text!r}. Expected one filter clause.", target="filters")
    comparison = comparisons[0]
    if comparison.operator != "=":
        raise Invalid(f"Invalid comparator: {comparison.operator!r}, only '=' is supported.", target="filters")
    if not isinstance(comparison.value, str):
        raise Invalid(f"Expected a text in quotes for {comparison.key!r}, got {comparison.value!r}.", target="filters")
    if comparison.entity == "trace":
        return _of_trace(comparison, text)
    column = _FILTERED.get(view, {}).get((comparison.entity, comparison.key))
    if column is None:
        raise _unknown(text)
    return column == comparison.value


def _of_trace(comparison: Comparison, text: str) -> ColumnElement[bool]:
    kind, _, key = comparison.key.partition(".")
    if kind == "status" and not key:
        return Trace.state == comparison.value
    if kind not in ("tag", "metadata") or not key:
        raise _unknown(text)
    if kind == "tag" and key == NAME:
        return Trace.title == comparison.value
    if kind == "metadata" and key == SOURCE_RUN:
        return of_run(comparison)
    table = TraceTag if kind == "tag" else TraceMetadata
    return select(1).where(table.trace_id == Trace.id, table.key == key, table.value == comparison.value).exists()


def _unknown(text: str) -> Invalid:
    return Invalid(
        f"Invalid filter: {text!r}. Filter by trace.status, trace.tag.X or trace.metadata.X, in the view SPANS also by "
        "span.name, span.status or span.type, in the view ASSESSMENTS by assessment.name or assessment.type.",
        target="filters",
    )
