"""What a span says of itself and of its trace: type, tokens, inputs and outputs, and how its spans nest."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
TYPE, USAGE, MODEL = "mlflow.spanType", "mlflow.chat.tokenUsage", "mlflow.llm.model"
# OpenTelemetry's conventions for generative models, as other libraries write them.
_INPUTS = (INPUTS, "gen_ai.input.messages", "gen_ai.prompt", "input.value")
_OUTPUTS = (OUTPUTS, "gen_ai.output.messages", "gen_ai.completion", "output.value")
_MODELS = (MODEL, "gen_ai.response.model", "gen_ai.request.model")
_PROVIDERS = ("mlflow.llm.provider", "gen_ai.provider.name", "gen_ai.system")
_COST = "mlflow.llm.cost"
_TYPES = (TYPE, "openinference.span.kind", "gen_ai.operation.name")
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Tokens:
    input: int | None = None
    output: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Cost:
    """US dollars."""

    input: float | None = None
    output: float | None = None
    total: float | None = None


@dataclass(frozen=True)
class SpanRecord:
    """A span to be stored. `trace` is the trace's id, `span_id` and `parent_id` (empty for a root) are hexadecimal.

    `content` holds kind, trace_state, message, attributes, events, links and resource; the values of
    attributes are plain JSON.
    """

    trace: str
    span_id: str
    parent_id: str
    name: str
    type: str
    status: str
    start_ns: int
    end_ns: int
    tokens: Tokens
    content: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        return self.content["attributes"]


def record(*, start_ns: int, end_ns: int, name: str, content: dict[str, Any], **identity: str) -> SpanRecord:
    """A span with what its attributes say of it; times are cut to what the registry holds."""
    attributes = content["attributes"]
    return SpanRecord(
        name=clean(name),
        type=clean(str(plain(first(attributes, _TYPES)) or "UNKNOWN")),
        start_ns=min(max(start_ns, 0), _LARGEST),
        end_ns=min(max(end_ns, 0), _LARGEST),
        tokens=tokens_of(attributes),
        content=content,
        **identity,
    )


def clean(text: str) -> str:
    """A text that every database takes: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def first(attributes: dict[str, Any], names: Iterable[str]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def plain(value: Any) -> Any:
    """The value of an attribute that some clients write as JSON text."""
    if isinstance(value, str) and value[:1] in ('"', "{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def inputs_of(attributes: dict[str, Any]) -> Any:
    return plain(first(attributes, _INPUTS))


def outputs_of(attributes: dict[str, Any]) -> Any:
    return plain(first(attributes, _OUTPUTS))


def model_of(attributes: dict[str, Any]) -> str | None:
    found = plain(first(attributes, _MODELS))
    return found if isinstance(found, str) else None


def provider_of(attributes: dict[str, Any]) -> str | None:
    found = plain(first(attributes, _PROVIDERS))
    return found if isinstance(found, str) else None


def cost_of(attributes: dict[str, Any]) -> Cost:
    """What a client says that a call cost."""
    stated = plain(attributes.get(_COST))
    if not isinstance(stated, dict):
        return Cost()
    return Cost(*[_dollars(stated.get(f"{part}_cost")) for part in ("input", "output", "total")])


def _dollars(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < math.inf else None


def tokens_of(attributes: dict[str, Any]) -> Tokens:
    usage = plain(attributes.get(USAGE))
    if isinstance(usage, dict):
        read, written = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
        total = _count(usage.get("total_tokens"))
    else:
        read = _count(first(attributes, ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")))
        written = _count(first(attributes, ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")))
        total = None
    if total is None and (read is not None or written is not None):
        total = (read or 0) + (written or 0)
    return Tokens(read, written, total)


def _count(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= _LARGEST else None


def total_tokens(spans: Sequence[tuple[str, str, Tokens]]) -> Tokens | None:
    """The tokens of a trace, of (span_id, parent_id, tokens). Where a span counts for what is below it,
    that is not counted again.
    """
    counted = {span_id: tokens.total is not None for span_id, _, tokens in spans}
    parents = {span_id: parent for span_id, parent, _ in spans}
    own = [tokens for span_id, _, tokens in spans if counted[span_id] and not _is_covered(span_id, parents, counted)]
    if not own:
        return None
    return Tokens(
        sum(tokens.input or 0 for tokens in own),
        sum(tokens.output or 0 for tokens in own),
        sum(tokens.total or 0 for tokens in own),
    )


def _is_covered(span_id: str, parents: dict[str, str], counted: dict[str, bool]) -> bool:
    seen = {span_id}
    parent = parents[span_id]
    while parent in parents and parent not in seen:
        if counted[parent]:
            return True
        seen.add(parent)
        parent = parents[parent]
    return False


def in_tree_order(spans: Sequence) -> Iterator[tuple[Any, int]]:
    """Spans with their depth, children below their parents by start. A span whose parent is not there is a root."""
    ids = {span.span_id for span in spans}
    children: dict[str, list] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id), reverse=True):
        orphaned = span.parent_id not in ids or span.parent_id == span.span_id
        children.setdefault("" if orphaned else span.parent_id, []).append(span)
    stack = [(span, 0) for span in children.pop("", [])]
    while stack:
        span, depth = stack.pop()
        yield span, depth
        stack += [(child, depth + 1) for child in children.pop(span.span_id, [])]
