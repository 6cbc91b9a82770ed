"""MLflow's search of traces: its filter and order language (SearchTraceUtils of mlflow/utils/search_utils.py)."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.tables import Job
from app.kit.filtering import (
    LISTS,
    NULLS,
    NUMERIC,
    TEXT,
    Comparison,
    check_numeric,
    check_operator,
    check_text,
    condition,
    parse_filter,
    parse_order,
)
from app.traces.service import NAME, PROMPTS, SOURCE_RUN
from app.traces.tables import Assessment, Span, Trace, TraceMetadata, TraceRun, TraceTag

_ATTRIBUTES, _TAGS = ("", "attribute", "attributes", "trace"), ("tag", "tags")
_METADATA, _ASSESSMENTS = ("metadata", "request_metadata"), ("feedback", "expectation", "issue")
_END = Trace.started_ms + func.coalesce(Trace.duration_ms, 0)
_NUMBERS = {
    "timestamp": Trace.started_ms,
    "timestamp_ms": Trace.started_ms,
    "execution_time": Trace.duration_ms,
    "execution_time_ms": Trace.duration_ms,
    "end_time": _END,
    "end_time_ms": _END,
}
_TEXTS = {
    "request_id": Trace.name,
    "trace_id": Trace.name,
    "status": Trace.state,
    "state": Trace.state,
    "client_request_id": Trace.client_request_id,
    "name": Trace.title,
}
_RUN = select(func.min(Job.name)).join(TraceRun, TraceRun.job_id == Job.id).where(TraceRun.trace_id == Trace.id)
_ORDERS = {**_NUMBERS, **_TEXTS, "experiment_id": Trace.experiment_id, "run_id": _RUN.scalar_subquery()}
_SPAN_TEXTS = {"name": Span.name, "type": Span.type, "status": Span.status}
_VALID = (*_NUMBERS, *_TEXTS, "run_id", "prompt", "text", "tags.X", "metadata.X", "feedback.X", "expectation.X")
# MLflow also takes an attribute in backquotes behind the word.
_QUOTED = re.compile(r"\bspan\.attributes\.`([^`]+)`")
_SPAN_VALID = ("span.name", "span.type", "span.status", "span.content", "span.attributes.X")
_TEXT_AND_PATTERN = (*TEXT, "RLIKE")


def search(
    session: Session,
    workspace_id: int,
    experiment_ids: Sequence[int],
    *,
    filter: str = "",
    order_by: Sequence[str] = (),
    offset: int = 0,
    count: int = 100,
) -> list[int]:
    """The rows' ids of the traces found, in order; by default the newest first."""
    found = select(Trace.id).where(Trace.workspace_id == workspace_id, Trace.experiment_id.in_(experiment_ids))
    found = found.where(*conditions(filter))
    orders = [_order(clause) for clause in order_by]
    found = found.order_by(*orders, Trace.started_ms.desc(), Trace.id.desc())
    return list(session.scalars(found.offset(offset).limit(count)))


def conditions(filter: str) -> list[ColumnElement[bool]]:
    """What a filter demands of a trace; raises Invalid."""
    comparisons = parse_filter(_QUOTED.sub(r"span.`attributes.\1`", filter))
    wanted = [_condition(comparison) for comparison in comparisons if comparison.entity != "span"]
    # All that is asked of a span must hold of one and the same.
    spans = [_span_condition(comparison) for comparison in comparisons if comparison.entity == "span"]
    return [*wanted, exists().where(Span.trace_id == Trace.id, *spans)] if spans else wanted


def _order(clause: str) -> ColumnElement:
    order = parse_order(clause)
    if order.entity not in _ATTRIBUTES or order.key not in _ORDERS:
        raise Invalid(f"Invalid order_by key {clause!r}. Valid are {', '.join(_ORDERS)}.", target="order_by")
    column = _ORDERS[order.key]
    return column.asc().nulls_last() if order.ascending else column.desc().nulls_last()


def _condition(comparison: Comparison) -> ColumnElement[bool]:
    entity, key = comparison.entity, comparison.key
    if entity in _TAGS and key == NAME:
        return _text(Trace.title, comparison, (*_TEXT_AND_PATTERN, *NULLS))
    if entity in _TAGS or entity in _METADATA:
        return _pair(TraceTag if entity in _TAGS else TraceMetadata, comparison)
    if entity in _ASSESSMENTS:
        return _assessment(comparison)
    if entity not in _ATTRIBUTES:
        raise _unknown(comparison)
    if key in _NUMBERS:
        check_numeric(comparison)
        return condition(_NUMBERS[key], comparison)
    if key in _TEXTS:
        return _text(_TEXTS[key], comparison, (*_TEXT_AND_PATTERN, *LISTS))
    if key == "run_id":
        return of_run(comparison)
    if key == "prompt":
        return _of_prompt(comparison)
    if key == "text":
        check_text(comparison, ("LIKE", "ILIKE"))
        return exists().where(Span.trace_id == Trace.id, condition(Span.content, comparison))
    raise _unknown(comparison)


def _unknown(comparison: Comparison) -> Invalid:
    shown = f"{comparison.entity}.{comparison.key}" if comparison.entity else comparison.key
    return Invalid(
        f"Invalid key {shown!r} at character {comparison.at + 1}. Valid are {', '.join((*_VALID, *_SPAN_VALID))}.",
        target="filter",
    )


def _text(column: ColumnElement, comparison: Comparison, allowed: tuple[str, ...]) -> ColumnElement[bool]:
    check_text(comparison, allowed)
    if comparison.operator == "RLIKE":
        return column.regexp_match(comparison.value)
    return condition(column, comparison)


def _pair(table: type, comparison: Comparison) -> ColumnElement[bool]:
    of_key = [table.trace_id == Trace.id, table.key == comparison.key]
    if comparison.operator in NULLS:
        there = exists().where(*of_key)
        return not_(there) if comparison.operator == "IS NULL" else there
    return exists().where(*of_key, _text(table.value, comparison, (*_TEXT_AND_PATTERN, *LISTS)))


def of_run(comparison: Comparison) -> ColumnElement[bool]:
    """A run is named in the metadata, or linked later."""
    check_text(comparison, (*_TEXT_AND_PATTERN, *LISTS))
    named = _text(Job.name, comparison, (*_TEXT_AND_PATTERN, *LISTS))
    linked = exists().where(TraceRun.trace_id == Trace.id, TraceRun.job_id == Job.id, named)
    return or_(linked, _pair(TraceMetadata, replace(comparison, key=SOURCE_RUN)))


def _of_prompt(comparison: Comparison) -> ColumnElement[bool]:
    check_text(comparison, ("=",))
    name, slash, version = comparison.value.partition("/")
    if not slash or "/" in version:
        raise Invalid(
            f'Invalid prompts filter value {comparison.value!r}. Expected format: prompt = "name/version".',
            target="filter",
        )
    entry = json.dumps({"name": name, "version": version}, ensure_ascii=False)
    holds = TraceTag.value.contains(entry, autoescape=True)
    return exists().where(TraceTag.trace_id == Trace.id, TraceTag.key == PROMPTS, holds)


def _assessment(comparison: Comparison) -> ColumnElement[bool]:
    if comparison.entity == "issue":
        check_text(comparison, ("=",))
        return exists().where(
            Assessment.trace_id == Trace.id, Assessment.kind == "issue", Assessment.name == comparison.value
        )
    wanted = [
        Assessment.trace_id == Trace.id,
        Assessment.kind == comparison.entity,
        Assessment.name == comparison.key,
        Assessment.valid,
    ]
    if comparison.operator in NULLS:
        there = exists().where(*wanted)
        return not_(there) if comparison.operator == "IS NULL" else there
    return exists().where(*wanted, _assessed(comparison))


def _assessed(comparison: Comparison) -> ColumnElement[bool]:
    if isinstance(comparison.value, int | float) or comparison.operator in (">", ">=", "<", "<="):
        check_operator(comparison, NUMERIC)
        return condition(Assessment.number, replace(comparison, value=_number(comparison)))
    check_text(comparison, _TEXT_AND_PATTERN)
    if comparison.operator in ("=", "!="):
        # Values are JSON: a text stands there in quotes; true, false and numbers do not.
        either = Assessment.value.in_([comparison.value, json.dumps(comparison.value, ensure_ascii=False)])
        return either if comparison.operator == "=" else not_(either)
    return _text(Assessment.value, comparison, _TEXT_AND_PATTERN)


def _number(comparison: Comparison) -> float:
    try:
        return float(comparison.value)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"Expected a numeric value for {comparison.key!r}. Found {comparison.value!r}.", target="filter"
        ) from error


def _span_condition(comparison: Comparison) -> ColumnElement[bool]:
    key = comparison.key
    if key in _SPAN_TEXTS:
        return _text(_SPAN_TEXTS[key], comparison, (*_TEXT_AND_PATTERN, *LISTS))
    if key == "content":
        check_text(comparison, ("LIKE", "ILIKE"))
        return condition(Span.content, comparison)
    attribute = key.removeprefix("attributes.")
    if attribute == key or not attribute:
        raise _unknown(comparison)
    return _attribute(attribute, comparison)


def _attribute(name: str, comparison: Comparison) -> ColumnElement[bool]:
    """Attributes lie in the span's text as `"name": value`, and are found there, as in MLflow."""
    check_text(comparison)
    field = json.dumps(name, ensure_ascii=False) + ": "
    if comparison.operator in ("LIKE", "ILIKE"):
        return condition(Span.content, replace(comparison, value=f"%{field}%{comparison.value}%"))
    if comparison.operator in LISTS:
        among = or_(*[_equals(field, value) for value in comparison.value])
        return among if comparison.operator == "IN" else not_(among)
    equal = _equals(field, comparison.value)
    return equal if comparison.operator == "=" else and_(Span.content.contains(field, autoescape=True), not_(equal))


def _equals(field: str, value: str) -> ColumnElement[bool]:
    quoted = json.dumps(value, ensure_ascii=False)
    shown = [f"{field}{form}{end}" for form in (quoted, json.dumps(quoted), value) for end in (",", "}")]
    return or_(*[Span.content.contains(text, autoescape=True) for text in shown])
