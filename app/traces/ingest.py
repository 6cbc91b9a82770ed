"""Stores spans as they come, and lets a trace follow from its spans as long as its client has not described it."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.experiments.tables import Experiment
from app.traces import queries, service, spans
from app.traces.spans import SpanRecord
from app.traces.tables import Span, Trace

PREVIEW = 1000
"""Characters that are kept of what went into a trace and came out, as in MLflow's lists."""

_TAG_PREFIX = "mlflow.traceTag."
_SESSION = ("session.id", "gen_ai.conversation.id")
_NANO = 1_000_000


def log_spans(session: Session, caller: Caller, experiment: Experiment, records: Sequence[SpanRecord]) -> list[str]:
    """Store spans, those that are known already once more; returns the ids of their traces."""
    groups: dict[str, list[SpanRecord]] = {}
    for record in records:
        groups.setdefault(record.trace, []).append(record)
    started = {name: min(record.start_ns for record in group) // _NANO for name, group in groups.items()}
    traces = service.ensure(session, caller, experiment, started)
    _write(session, [_row(traces[record.trace], record) for record in records])
    for name, group in groups.items():
        _follow(session, traces[name], group)
    session.flush()
    return list(groups)


def _row(trace: Trace, record: SpanRecord) -> dict[str, Any]:
    model, provider = spans.model_of(record.attributes), spans.provider_of(record.attributes)
    cost = spans.cost_of(record.attributes)
    return {
        "trace_id": trace.id,
        "span_id": record.span_id,
        "parent_id": record.parent_id,
        "name": record.name,
        "type": record.type,
        "status": record.status,
        "start_ns": record.start_ns,
        "end_ns": record.end_ns,
        "input_tokens": record.tokens.input,
        "output_tokens": record.tokens.output,
        "total_tokens": record.tokens.total,
        "model": None if model is None else spans.clean(model),
        "provider": None if provider is None else spans.clean(provider),
        "input_cost": cost.input,
        "output_cost": cost.output,
        "total_cost": cost.total,
        "content": spans.clean(json.dumps(record.content, ensure_ascii=False)),
    }


def _write(session: Session, rows: list[dict[str, Any]]) -> None:
    # One statement may not meet the same row twice: of a span that is sent twice the last one stands.
    unique = {(row["trace_id"], row["span_id"]): row for row in rows}
    if not unique:
        return
    statement = service.insert(session, Span)
    identity = ["trace_id", "span_id"]
    changed = {column.name: statement.excluded[column.name] for column in Span.__table__.c if not column.primary_key}
    statement = statement.on_conflict_do_update(index_elements=identity, set_=changed)
    session.execute(statement, list(unique.values()))


def _follow(session: Session, trace: Trace, group: list[SpanRecord]) -> None:
    trace.span_count = session.scalar(select(func.count()).where(Span.trace_id == trace.id))
    root = next((record for record in group if not record.parent_id), None)
    if root is not None:
        _follow_root(session, trace, root)
    if trace.is_complete:
        return
    start, end = session.execute(
        select(func.min(Span.start_ns), func.max(Span.end_ns)).where(Span.trace_id == trace.id)
    ).one()
    trace.started_ms = start // _NANO
    trace.duration_ms = (end - start) // _NANO if end >= start else None
    tokens = queries.tokens_of(session, trace) if any(record.tokens.total is not None for record in group) else None
    if tokens:
        usage = {"input_tokens": tokens.input, "output_tokens": tokens.output, "total_tokens": tokens.total}
        service.write_details(session, trace, {service.USAGE: json.dumps(usage)})
    asked = next((found for record in group if (found := spans.first(record.attributes, _SESSION))), None)
    if asked is not None:
        service.write_details(session, trace, {"mlflow.trace.session": str(spans.plain(asked))})


def _follow_root(session: Session, trace: Trace, root: SpanRecord) -> None:
    if trace.state in ("IN_PROGRESS", "STATE_UNSPECIFIED") and root.end_ns and not trace.is_complete:
        trace.state = "ERROR" if root.status == "ERROR" else "OK"
    if trace.title is None:
        trace.title = root.name
    if trace.request_preview is None:
        trace.request_preview = preview(spans.inputs_of(root.attributes))
    if trace.response_preview is None:
        trace.response_preview = preview(spans.outputs_of(root.attributes))
    for key, value in root.attributes.items():
        if key.startswith(_TAG_PREFIX) and len(key) > len(_TAG_PREFIX):
            service.set_tag(session, trace, key.removeprefix(_TAG_PREFIX), str(spans.plain(value)))


def preview(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return spans.clean(text if len(text) <= PREVIEW else text[: PREVIEW - 3] + "...")
