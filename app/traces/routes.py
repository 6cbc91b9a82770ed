"""REST for traces."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from app.access.guard import CallerDep, allow, note
from app.traces import queries, service
from app.traces.permissions import DELETE, READ
from app.traces.tables import Span, Trace
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/traces", tags=["traces"])


class TraceRead(BaseModel):
    """Times are Unix milliseconds."""

    id: str
    name: str | None
    experiment: str
    status: str
    started_ms: int
    duration_ms: int | None
    spans: int
    total_tokens: int | None
    request_preview: str | None
    response_preview: str | None
    client_request_id: str | None
    created_by: str
    tags: dict[str, str]
    metadata: dict[str, str]


class SpanRead(BaseModel):
    """Times are Unix nanoseconds; `end_ns` is 0 for a span that has not ended."""

    id: str
    parent_id: str | None
    name: str
    type: str
    status: str
    start_ns: int
    end_ns: int
    total_tokens: int | None
    attributes: dict[str, Any]
    events: list[dict[str, Any]]


class TraceWhole(TraceRead):
    content: list[SpanRead]


def _shown(trace: Trace) -> dict:
    same = ("started_ms", "duration_ms", "total_tokens", "request_preview", "response_preview")
    shown = {name: getattr(trace, name) for name in (*same, "client_request_id", "created_by")}
    return shown | {
        "id": trace.name,
        "name": trace.title,
        "experiment": trace.experiment.name,
        "status": trace.state,
        "spans": trace.span_count,
        "tags": {tag.key: tag.value for tag in trace.tags},
        "metadata": {detail.key: detail.value for detail in trace.details},
    }


def _span(span: Span) -> dict:
    content = json.loads(span.content)
    same = ("name", "type", "status", "start_ns", "end_ns", "total_tokens")
    return {name: getattr(span, name) for name in same} | {
        "id": span.span_id,
        "parent_id": span.parent_id or None,
        "attributes": content["attributes"],
        "events": content["events"],
    }


@router.get("", response_model=Listing[TraceRead], dependencies=[allow(READ)])
def traces(
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    status: str = "",
    experiment: str = "",
    run: str = "",
    since_ms: Annotated[int, Query(ge=0, le=2**53)] = 0,
    sort: str = "-started",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    narrowed = queries.Filter(text.strip(), status, experiment, run, since_ms)
    found = queries.page(session, caller.workspace.id, narrowed, sort=sort, number=page, size=size)
    return listing(found) | {"value": [_shown(trace) for trace in found.rows]}


@router.get("/{trace_id}", response_model=TraceWhole, dependencies=[allow(READ)])
def trace(trace_id: str, session: SessionDep, caller: CallerDep) -> dict:
    """A trace with its spans, roots first."""
    found = queries.get(session, caller.workspace.id, trace_id)
    return _shown(found) | {"content": [_span(span) for span in queries.spans_of(session, [found])[found.id]]}


@router.delete("/{trace_id}", status_code=204, dependencies=[allow(DELETE)])
def delete(trace_id: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_writable(session, caller, trace_id)
    note(session, "traces", found.name, before={"name": found.title})
    service.delete(session, [found])
    return Response(status_code=204)
