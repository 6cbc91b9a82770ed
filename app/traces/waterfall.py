"""A trace as a picture: its spans as a tree with a bar each, and one of them in detail."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.traces import places
from app.traces.spans import Tokens, in_tree_order, inputs_of, model_of, outputs_of, plain, tokens_of
from app.traces.tables import Span, Trace

MOST_ROWS = 2000
LONGEST_SHOWN = 100_000
WIDTH = 1000
"""Units of a bar's place and length across the whole trace."""

_SHOWN_ELSEWHERE = {"mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.spanType", "mlflow.traceRequestId"}
_COLUMNS = (Span.span_id, Span.parent_id, Span.name, Span.type, Span.status, Span.start_ns, Span.end_ns)


@dataclass(frozen=True)
class Outline:
    """A span without what it holds. An `end_ns` of 0 says that it has not ended."""

    span_id: str
    parent_id: str
    name: str
    type: str
    status: str
    start_ns: int
    end_ns: int
    total_tokens: int | None = None

    @property
    def duration_ns(self) -> int | None:
        return self.end_ns - self.start_ns if self.end_ns >= self.start_ns else None


@dataclass(frozen=True)
class Row:
    """A line of the picture; `left` and `length` of its bar are in thousandths of the whole."""

    span: Outline
    depth: int
    left: float
    length: float


@dataclass(frozen=True)
class Detail:
    span: Outline
    tokens: Tokens
    model: str | None
    inputs: str | None
    outputs: str | None
    message: str
    attributes: list[tuple[str, str]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)


def outline(session: Session, trace: Trace) -> list[Outline]:
    """All spans of a trace, from the registry or from the file in which its client kept them."""
    if trace.span_count:
        found = session.execute(select(*_COLUMNS, Span.total_tokens).where(Span.trace_id == trace.id))
        return [Outline(*row) for row in found]
    return [_from_file(span) for span in places.stored_spans(trace)]


def rows(spans: Sequence[Outline]) -> list[Row]:
    """The first spans of the tree, each with its bar."""
    if not spans:
        return []
    start = min(span.start_ns for span in spans)
    whole = max(max(span.end_ns, span.start_ns) for span in spans) - start or 1
    found = []
    for span, depth in in_tree_order(spans):
        left = (span.start_ns - start) / whole * WIDTH
        length = (span.duration_ns or 0) / whole * WIDTH
        # A bar that is too short to be seen would say that nothing happened.
        length = max(length, 4.0)
        found.append(Row(span, depth, round(min(left, WIDTH - length), 2), round(length, 2)))
        if len(found) == MOST_ROWS:
            break
    return found


def detail(session: Session, trace: Trace, span_id: str) -> Detail:
    """One span with all that it holds; raises NotFound."""
    if trace.span_count:
        row = session.get(Span, (trace.id, span_id))
        if row is None:
            raise NotFound(f"The trace {trace.name} has no span {span_id!r}.", target="span")
        span = Outline(*[getattr(row, column.key) for column in _COLUMNS], row.total_tokens)
        content = json.loads(row.content)
        events = [(event["name"], pretty(event["attributes"])) for event in content["events"]]
        return _detail(span, content["attributes"], content["message"], events)
    for held in places.stored_spans(trace):
        span = _from_file(held)
        if span.span_id == span_id:
            return _detail(span, _attributes_of(held), *_said(held))
    raise NotFound(f"The trace {trace.name} has no span {span_id!r}.", target="span")


def _detail(span: Outline, attributes: dict[str, Any], message: str, events: list[tuple[str, str]]) -> Detail:
    asked, answered = inputs_of(attributes), outputs_of(attributes)
    return Detail(
        span=span,
        tokens=tokens_of(attributes),
        model=model_of(attributes),
        inputs=None if asked is None else pretty(asked),
        outputs=None if answered is None else pretty(answered),
        message=message,
        attributes=[(key, pretty(value)) for key, value in sorted(attributes.items()) if key not in _SHOWN_ELSEWHERE],
        events=events,
    )


def _from_file(held: dict[str, Any]) -> Outline:
    """Reads a span as MLflow's `Span.to_dict` writes it, of version 3 and of version 2."""
    context = held.get("context") if isinstance(held.get("context"), dict) else {}
    status = held.get("status") if isinstance(held.get("status"), dict) else {}
    code = str(status.get("code") or held.get("status_code") or "").removeprefix("STATUS_CODE_")
    attributes = _attributes_of(held)
    return Outline(
        span_id=_id(held.get("span_id") or context.get("span_id")),
        parent_id=_id(held.get("parent_span_id") or held.get("parent_id")),
        name=str(held.get("name", "")),
        type=str(plain(attributes.get("mlflow.spanType")) or "UNKNOWN"),
        status=code if code in ("OK", "ERROR") else "UNSET",
        start_ns=_nanoseconds(held.get("start_time_unix_nano") or held.get("start_time")),
        end_ns=_nanoseconds(held.get("end_time_unix_nano") or held.get("end_time")),
        total_tokens=tokens_of(attributes).total,
    )


def _attributes_of(held: dict[str, Any]) -> dict[str, Any]:
    attributes = held.get("attributes")
    return {key: plain(value) for key, value in attributes.items()} if isinstance(attributes, dict) else {}


def _said(held: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    status = held.get("status") if isinstance(held.get("status"), dict) else {}
    events = [event for event in held.get("events") or [] if isinstance(event, dict)]
    message = str(status.get("message") or held.get("status_message") or "")
    return message, [(str(event.get("name", "")), pretty(event.get("attributes"))) for event in events]


def _id(value: Any) -> str:
    """Hexadecimal, from that or from base64."""
    text = str(value or "")
    if len(text) == 12:
        try:
            return base64.b64decode(text, validate=True).hex()
        except binascii.Error:
            return text
    return text.removeprefix("0x")


def _nanoseconds(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def pretty(value: Any) -> str:
    """A value to be read by people, cut where it is endless."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return (
        text
        if len(text) <= LONGEST_SHOWN
        else f"{text[:LONGEST_SHOWN]}\n… {len(text) - LONGEST_SHOWN:,} more characters"
    )


def elapsed(nanoseconds: int | None) -> str:
    """How long something took, in the unit that says it in few digits."""
    if nanoseconds is None:
        return "–"
    for size, unit in ((1_000_000_000, "s"), (1_000_000, "ms"), (1000, "µs")):
        if nanoseconds >= size:
            return (
                f"{nanoseconds / size:,.3g} {unit}"
                if nanoseconds < 1000 * size
                else f"{nanoseconds / size:,.0f} {unit}"
            )
    return f"{nanoseconds} ns"
