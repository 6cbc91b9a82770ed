"""Pages of traces: the list of them, and one as a waterfall of its spans."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse, StreamingResponse

from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.jobs import queries as jobs
from app.jobs.pages_job import page
from app.kit.clock import from_milliseconds, milliseconds, now
from app.traces import charts, queries, service, streams, waterfall
from app.traces.permissions import DELETE, READ
from app.traces.tables import Assessment, Trace
from app.web.addressing import url_for_workspace
from app.web.routing import include
from app.web.session import SessionDep
from app.web.sse import stream
from app.web.templating import templates

listed = APIRouter(prefix="/traces", include_in_schema=False)
of_job = APIRouter(prefix="/jobs/{name}", include_in_schema=False)
SPANS_OF_TIME = {
    "1h": ("The last hour", timedelta(hours=1)),
    "24h": ("The last 24 hours", timedelta(days=1)),
    "7d": ("The last 7 days", timedelta(days=7)),
    "30d": ("The last 30 days", timedelta(days=30)),
}
STATES = {
    "OK": ("success", "success", "OK"),
    "ERROR": ("danger", "error", "Error"),
    "IN_PROGRESS": ("info", "running", "In progress"),
    "STATE_UNSPECIFIED": ("neutral", "idle", "Unknown"),
}
SPAN_STATES = {"OK": STATES["OK"], "ERROR": STATES["ERROR"], "UNSET": ("neutral", "idle", "Unset")}
SIZE = 50


@dataclass
class Wanted:
    """The query of the list, as its form and its links send it."""

    text: str = ""
    status: str = ""
    experiment: str = ""
    run: str = ""
    time: str = ""
    sort: str = "-started"
    page: Annotated[int, Query(ge=1)] = 1

    @property
    def narrowed(self) -> queries.Filter:
        if self.time and self.time not in SPANS_OF_TIME:
            raise Invalid(f"time: {self.time!r} is not one of {', '.join(SPANS_OF_TIME)}.", target="time")
        since = milliseconds(now() - SPANS_OF_TIME[self.time][1]) if self.time else 0
        return queries.Filter(self.text.strip(), self.status, self.experiment, self.run, since)

    @property
    def is_narrow(self) -> bool:
        return bool(self.text or self.status or self.experiment or self.run or self.time)


def _started(trace: Trace) -> datetime:
    return from_milliseconds(trace.started_ms)


def _elapsed_ms(duration: int | None) -> str:
    """The registry keeps whole milliseconds of a trace."""
    return "< 1 ms" if duration == 0 else waterfall.elapsed(None if duration is None else duration * 1_000_000)


SHOWN = {"states": STATES, "started": _started, "elapsed": waterfall.elapsed, "elapsed_ms": _elapsed_ms}


@listed.get("", dependencies=[allow(READ)])
def traces(request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Depends()]) -> Response:
    found = queries.page(session, caller.workspace.id, wanted.narrowed, sort=wanted.sort, number=wanted.page, size=SIZE)
    context = {
        **SHOWN,
        "page": found,
        "wanted": wanted,
        "experiments": queries.experiments(session, caller.workspace.id),
        "times": [(key, words) for key, (words, _) in SPANS_OF_TIME.items()],
    }
    return templates.TemplateResponse(request, "traces/list.html", context)


@listed.get("/events", dependencies=[allow(READ)])
def events(caller: CallerDep) -> StreamingResponse:
    """Server-sent events `traces`: something in the list is not as it was."""
    return stream(streams.list_events(caller.workspace.id))


@listed.get("/_charts", dependencies=[allow(READ)])
def charts_fragment(
    request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Depends()]
) -> Response:
    """Requests, latency and tokens over time, of all traces that the list is narrowed to."""
    found = charts.charts(session, caller.workspace.id, wanted.narrowed)
    context = {"charts": found, "width": charts.WIDTH, "height": charts.HEIGHT}
    return templates.TemplateResponse(request, "traces/_charts.html", context)


@listed.post("/delete", dependencies=[allow(DELETE)])
def delete(session: SessionDep, caller: CallerDep, names: Annotated[list[str], Form()] = []) -> RedirectResponse:
    found = queries.by_names(session, caller.workspace.id, names)
    for trace in found:
        queries.check_writable(session, caller, trace)
        note(session, "traces", trace.name, before={"name": trace.title})
    service.delete(session, found)
    return RedirectResponse(url_for_workspace(caller.workspace.name, "/traces"), 303)


@listed.get("/{trace_id}", dependencies=[allow(READ)])
def trace(trace_id: str, request: Request, session: SessionDep, caller: CallerDep, span: str = "") -> Response:
    """The waterfall; `span` names the one that is shown in detail, by default the first."""
    found = queries.get(session, caller.workspace.id, trace_id)
    spans = waterfall.outline(session, found)
    rows = waterfall.rows(spans)
    chosen = span or (rows[0].span.span_id if rows else "")
    context = {
        **SHOWN,
        "trace": found,
        "rows": rows,
        "span_count": len(spans),
        "chosen": chosen,
        "detail": waterfall.detail(session, found, chosen) if chosen else None,
        "span_states": SPAN_STATES,
        "runs": queries.runs_of(session, found),
        "assessments": [(one, _value(one)) for one in found.assessments],
    }
    return templates.TemplateResponse(request, "traces/trace.html", context)


@of_job.get("/traces", dependencies=[allow(READ)])
def traces_of_job(
    name: str, request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Depends()]
) -> Response:
    """A tab of the job's page."""
    wanted.run = name
    found = queries.page(session, caller.workspace.id, wanted.narrowed, sort=wanted.sort, number=wanted.page, size=SIZE)
    return page(request, session, caller, name, "traces", "jobs/traces.html", **SHOWN, page=found)


@of_job.get("/_traces", dependencies=[allow(READ)])
def count_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """How many traces a job has, for its tab."""
    count = queries.count_of_run(session, jobs.get(session, caller.workspace.id, name))
    return templates.TemplateResponse(request, "traces/_count.html", {"count": count})


def _value(assessment: Assessment) -> str:
    value = json.loads(assessment.value)
    if value is None and assessment.error:
        return assessment.error.get("error_message", "error")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


router = APIRouter(include_in_schema=False)
include(router, listed)
include(router, of_job)
