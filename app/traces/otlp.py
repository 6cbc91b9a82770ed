"""Reads spans out of requests of the OpenTelemetry protocol, in protobuf or JSON.

Sources: https://opentelemetry.io/docs/specs/otlp/ and opentelemetry/proto/trace/v1/trace.proto.
"""

import base64
import binascii
import json
import zlib
from typing import Any

from app.errors import Invalid, TooLarge
from app.traces.protobuf import DEEPEST, Field, base64_text, decode, double, hexadecimal, signed, text
from app.traces.spans import SpanRecord, record

LARGEST = 256 << 20
"""Bytes of a request once unpacked."""

_WINDOWS = {"gzip": 31, "deflate": 15}
_KEYED = {1: Field("key", text), 2: Field("value", message="AnyValue")}
_MESSAGES = {
    "ExportTraceServiceRequest": {1: Field("resourceSpans", message="ResourceSpans", repeated=True)},
    "ResourceSpans": {
        1: Field("resource", message="Resource"),
        2: Field("scopeSpans", message="ScopeSpans", repeated=True),
    },
    "Resource": {1: Field("attributes", message="KeyValue", repeated=True)},
    "ScopeSpans": {1: Field("scope", message="Scope"), 2: Field("spans", message="Span", repeated=True)},
    "Scope": {1: Field("name", text), 2: Field("version", text)},
    "Span": {
        1: Field("traceId", hexadecimal),
        2: Field("spanId", hexadecimal),
        3: Field("traceState", text),
        4: Field("parentSpanId", hexadecimal),
        5: Field("name", text),
        6: Field("kind"),
        7: Field("startTimeUnixNano"),
        8: Field("endTimeUnixNano"),
        9: Field("attributes", message="KeyValue", repeated=True),
        11: Field("events", message="Event", repeated=True),
        13: Field("links", message="Link", repeated=True),
        15: Field("status", message="Status"),
    },
    "Event": {
        1: Field("timeUnixNano"),
        2: Field("name", text),
        3: Field("attributes", message="KeyValue", repeated=True),
    },
    "Link": {
        1: Field("traceId", hexadecimal),
        2: Field("spanId", hexadecimal),
        3: Field("traceState", text),
        4: Field("attributes", message="KeyValue", repeated=True),
    },
    "Status": {2: Field("message", text), 3: Field("code")},
    "KeyValue": _KEYED,
    "AnyValue": {
        1: Field("stringValue", text),
        2: Field("boolValue", bool),
        3: Field("intValue", signed),
        4: Field("doubleValue", double),
        5: Field("arrayValue", message="ArrayValue"),
        6: Field("kvlistValue", message="KeyValueList"),
        7: Field("bytesValue", base64_text),
    },
    "ArrayValue": {1: Field("values", message="AnyValue", repeated=True)},
    "KeyValueList": {1: Field("values", message="KeyValue", repeated=True)},
}
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")


def unpack(body: bytes, encoding: str) -> bytes:
    """A body as it was before its Content-Encoding; raises Invalid or TooLarge."""
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOWS:
        raise Invalid(f"Content-Encoding {encoding!r} is not known; send gzip, deflate or none.", target="body")
    unpacked = zlib.decompressobj(_WINDOWS[encoding])
    try:
        whole = unpacked.decompress(body, LARGEST)
    except zlib.error as error:
        raise Invalid(f"The body is not packed with {encoding}: {error}.", target="body") from error
    if unpacked.unconsumed_tail:
        raise TooLarge(f"A request may have {LARGEST:,} bytes once unpacked.", target="body")
    return whole


def read(body: bytes, content_type: str) -> list[SpanRecord]:
    """The spans of a request; raises Invalid that says what of it cannot be read."""
    request = _json(body) if "json" in content_type else decode(body, _MESSAGES, "ExportTraceServiceRequest")
    try:
        return [
            read_span(span, group.get("resource") or {}, index)
            for group in request.get("resourceSpans", [])
            for scope in group.get("scopeSpans", [])
            for index, span in enumerate(scope.get("spans", []))
        ]
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise Invalid(f"The body is no ExportTraceServiceRequest: {error}.", target="body") from error


def _json(body: bytes) -> dict:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is no JSON: {error}.", target="body") from error
    if not isinstance(request, dict):
        raise Invalid("The body must be an ExportTraceServiceRequest as a JSON object.", target="body")
    return request


def read_span(span: dict, resource: dict, index: int) -> SpanRecord:
    """A span as OpenTelemetry's JSON; raises Invalid, or what Python raises for a field of the wrong type."""
    start, end = int(span.get("startTimeUnixNano") or 0), int(span.get("endTimeUnixNano") or 0)
    status = span.get("status") or {}
    content = {
        "kind": _number(span.get("kind"), _KINDS, "SPAN_KIND_"),
        "trace_state": span.get("traceState") or "",
        "message": status.get("message") or "",
        "attributes": _attributes(span),
        "events": [
            {"name": event.get("name", ""), "at": int(event.get("timeUnixNano") or 0), "attributes": _attributes(event)}
            for event in span.get("events", [])
        ],
        "links": [
            {"trace": _id(link, "traceId", 16, index), "span": _id(link, "spanId", 8, index)}
            | {"attributes": _attributes(link)}
            for link in span.get("links", [])
        ],
        "resource": _attributes(resource),
    }
    return record(
        trace="tr-" + _id(span, "traceId", 16, index),
        span_id=_id(span, "spanId", 8, index),
        parent_id=_id(span, "parentSpanId", 8, index) if span.get("parentSpanId") else "",
        name=str(span.get("name", "")),
        status=_STATUSES[_number(status.get("code"), _STATUSES, "STATUS_CODE_")],
        start_ns=start,
        end_ns=end,
        content=content,
    )


def _number(value: Any, names: tuple[str, ...], prefix: str) -> int:
    """An enum, which JSON may also write as its name."""
    if isinstance(value, str):
        short = value.removeprefix(prefix)
        value = names.index(short) if short in names else int(value)
    number = int(value or 0)
    return number if 0 <= number < len(names) else 0


def _id(fields: dict, name: str, size: int, index: int) -> str:
    value = str(fields.get(name) or "")
    if len(value) != size * 2:
        value = _from_base64(value)
    if len(value) != size * 2 or not value.strip("0") or value.strip("0123456789abcdefABCDEF"):
        raise Invalid(
            f"spans[{index}].{name}: it has {size} bytes, in JSON {size * 2} hexadecimal digits, and is not all zero.",
            target=name,
        )
    return value.lower()


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def _attributes(holder: dict) -> dict[str, Any]:
    return {str(pair["key"]): _value(pair.get("value") or {}, 0) for pair in holder.get("attributes", [])}


def _value(value: dict, depth: int) -> Any:
    if depth > DEEPEST:
        raise Invalid(f"An attribute nests values deeper than {DEEPEST} levels.", target="attributes")
    for kind, held in value.items():
        match kind:
            case "intValue":
                return int(held)
            case "doubleValue":
                return float(held)
            case "arrayValue":
                return [_value(item, depth + 1) for item in held.get("values", [])]
            case "kvlistValue":
                return {pair["key"]: _value(pair.get("value") or {}, depth + 1) for pair in held.get("values", [])}
            case "stringValue" | "boolValue" | "bytesValue":
                return held
    return None
