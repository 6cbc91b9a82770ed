"""MLflow's calls about traces."""

import secrets
import time

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from app.access.guard import CallerDep, allow
from app.database import reading
from app.dialects.mlflow import trace_shapes as shapes
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.errors import Invalid, NotFound
from app.experiments import queries as experiments
from app.traces import queries, search, service
from app.traces.permissions import DELETE, READ, WRITE
from app.traces.service import Draft
from app.web.session import ReadSessionDep, SessionDep
from app.web.watching import Watch

router = APIRouter(prefix="/traces")
"""MLflow 3's calls."""

old_router = APIRouter(prefix="/traces")
"""Calls whose address is that of MLflow 2."""

PATIENCE_SECONDS, LOOK_SECONDS = 3.0, 1.0
"""How long a trace is waited for whose spans have not all come, as MLflow's own server does."""

DEFAULT_FOUND, MOST_FOUND, MOST_TOGETHER = 100, 500, 500
STATES = {name: name for name in queries.STATES} | {
    "TRACE_STATUS_UNSPECIFIED": "STATE_UNSPECIFIED",
    "0": "STATE_UNSPECIFIED",
    "1": "OK",
    "2": "ERROR",
    "3": "IN_PROGRESS",
}


@router.post("", dependencies=[allow(WRITE)])
def start(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """Called at the end of a trace, in spite of its name in MLflow's protocol."""
    info = arguments.object("trace").object("trace_info")
    place = info.object("trace_location").object("mlflow_experiment")
    experiment = experiments.get(session, caller.workspace.id, place.text("experiment_id"))
    trace = service.start(session, caller, experiment, draft_of(info))
    return answer({"trace": {"trace_info": shapes.info(trace)}})


def draft_of(info: Arguments) -> Draft:
    duration = info.optional_text("execution_duration")
    optional = ("client_request_id", "request_preview", "response_preview")
    return Draft(
        name=info.text("trace_id"),
        state=STATES[info.choice("state", STATES, "STATE_UNSPECIFIED")],
        started_ms=shapes.time_of(info.text("request_time"), "request_time"),
        duration_ms=shapes.duration_of(duration, "execution_duration") if duration else None,
        tags=texts_by_key(info, "tags"),
        details=texts_by_key(info, "trace_metadata"),
        **{name: info.optional_text(name) for name in optional if name in info},
    )


def texts_by_key(arguments: Arguments, name: str) -> dict[str, str]:
    """An object of texts, which protobuf calls a map; also as a list of `{"key", "value"}`."""
    held = arguments.fields.get(name)
    if held is None or isinstance(held, list):
        return dict(arguments.pairs(name))
    found = arguments.object(name)
    return {key: found.optional_text(key) for key in found.fields}


@router.post("/search", dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    places = arguments.objects("locations")
    named = [place.object("mlflow_experiment").text("experiment_id") for place in places]
    traces, count, offset = _search(arguments, session, caller, named)
    return paged("traces", [shapes.info(trace) for trace in traces], offset, count)


def _search(arguments: Arguments, session, caller, experiment_ids: list[str]):
    offset, count = arguments.offset(), arguments.count(DEFAULT_FOUND, MOST_FOUND)
    if not experiment_ids:
        raise Invalid("Name the experiments to search in.", target="locations")
    ids = search.search(
        session, caller.workspace.id, experiments.ids(session, caller.workspace.id, experiment_ids),
        filter=arguments.optional_text("filter"), order_by=arguments.texts("order_by"), offset=offset, count=count + 1,
    )  # fmt: skip
    return queries.by_ids(session, ids), count, offset


@router.get("/get", dependencies=[allow(READ)])
async def get_whole(arguments: ArgumentsDep, caller: CallerDep) -> Response:
    """Spans come by a way of their own: those that are still on it are waited for, unless a part is enough."""
    name, is_enough = arguments.text("trace_id"), arguments.flag("allow_partial")
    async with Watch(service.channel(caller.workspace.id)) as watch:
        end = time.monotonic() + PATIENCE_SECONDS
        while (whole := await run_in_threadpool(_whole, caller.workspace.id, name, is_enough)) is None:
            if time.monotonic() > end:
                raise NotFound(
                    f"Trace with ID {name} is not fully exported yet, please try again later.", target="trace_id"
                )
            await watch.changed(LOOK_SECONDS)
    return whole


def _whole(workspace_id: int, name: str, is_enough: bool) -> Response | None:
    """None for a trace of which spans are missing."""
    with reading() as session:
        trace = queries.get(session, workspace_id, name)
        rows = queries.spans_of(session, [trace])[trace.id]
        if len(rows) < queries.expected_spans(trace) and not is_enough:
            return None
        return answer({"trace": {"trace_info": shapes.info(trace), "spans": [shapes.span(row, trace) for row in rows]}})


@router.get("/batchGet", dependencies=[allow(READ)])
def get_many(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    traces = _named(arguments, session, caller)
    spans = queries.spans_of(session, traces)
    found = [
        {"trace_info": shapes.info(trace), "spans": [shapes.span(row, trace) for row in spans[trace.id]]}
        for trace in traces
    ]
    return answer({"traces": found} if found else {})


@router.post("/batchGetInfos", dependencies=[allow(READ)])
def get_infos(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    found = [shapes.info(trace) for trace in _named(arguments, session, caller)]
    return answer({"trace_infos": found} if found else {})


def _named(arguments: Arguments, session, caller):
    names = arguments.texts("trace_ids")
    if len(names) > MOST_TOGETHER:
        raise Invalid(f"trace_ids: name at most {MOST_TOGETHER} traces, not {len(names)}.", target="trace_ids")
    traces = queries.by_names(session, caller.workspace.id, names)
    within = arguments.texts("experiment_ids")
    if within:
        allowed = experiments.ids(session, caller.workspace.id, within)
        traces = [trace for trace in traces if trace.experiment_id in allowed]
    return traces


@router.get("/{trace_id}", dependencies=[allow(READ)])
def get_info(trace_id: str, session: SessionDep, caller: CallerDep) -> Response:
    trace = queries.get(session, caller.workspace.id, trace_id)
    return answer({"trace": {"trace_info": shapes.info(trace)}})


@router.patch("/{trace_id}/tags", dependencies=[allow(WRITE)])
@old_router.patch("/{trace_id}/tags", dependencies=[allow(WRITE)])
def set_tag(trace_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    trace = queries.get_writable(session, caller, trace_id)
    service.set_tag(session, trace, arguments.text("key"), arguments.value("value"))
    return answer()


@router.delete("/{trace_id}/tags", dependencies=[allow(WRITE)])
@old_router.delete("/{trace_id}/tags", dependencies=[allow(WRITE)])
def delete_tag(trace_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    service.delete_tag(session, queries.get_writable(session, caller, trace_id), arguments.text("key"))
    return answer()


@router.post("/delete-traces", dependencies=[allow(DELETE)])
@old_router.post("/delete-traces", dependencies=[allow(DELETE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    count = service.delete_many(
        session, caller, experiment, names=arguments.texts("request_ids") or arguments.texts("trace_ids"),
        until_ms=arguments.integer("max_timestamp_millis") if "max_timestamp_millis" in arguments else None,
        most=arguments.integer("max_traces") if "max_traces" in arguments else None,
    )  # fmt: skip
    return answer({"traces_deleted": count})


@router.post("/link-to-run", dependencies=[allow(WRITE)])
@old_router.post("/link-to-run", dependencies=[allow(WRITE)])
def link_to_run(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    service.link_to_run(session, caller, arguments.texts("trace_ids"), arguments.text("run_id"))
    return answer()


@router.post("/link-prompts", dependencies=[allow(WRITE)])
@old_router.post("/link-prompts", dependencies=[allow(WRITE)])
def link_prompts(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    trace = queries.get_writable(session, caller, arguments.text("trace_id"))
    prompts = [(item.text("name"), item.text("version")) for item in arguments.objects("prompt_versions")]
    service.link_prompts(session, trace, prompts)
    return answer()


@old_router.post("", dependencies=[allow(WRITE)])
def start_old(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    draft = Draft(
        name="tr-" + secrets.token_hex(16),
        state="IN_PROGRESS",
        started_ms=arguments.integer("timestamp_ms"),
        tags=texts_by_key(arguments, "tags"),
        details=texts_by_key(arguments, "request_metadata"),
    )
    return answer({"trace_info": shapes.old_info(service.start(session, caller, experiment, draft))})


@old_router.patch("/{request_id}", dependencies=[allow(WRITE)])
def end_old(request_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    trace = queries.get_writable(session, caller, request_id)
    draft = Draft(
        name=trace.name,
        state=STATES[arguments.choice("status", STATES, "STATE_UNSPECIFIED")],
        started_ms=trace.started_ms,
        duration_ms=max(arguments.integer("timestamp_ms") - trace.started_ms, 0),
        tags=texts_by_key(arguments, "tags"),
        details=texts_by_key(arguments, "request_metadata"),
    )
    return answer({"trace_info": shapes.old_info(service.start(session, caller, trace.experiment, draft))})


@old_router.get("", dependencies=[allow(READ)])
def find_old(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    traces, count, offset = _search(arguments, session, caller, arguments.texts("experiment_ids"))
    return paged("traces", [shapes.old_info(trace) for trace in traces], offset, count)


@old_router.get("/{request_id}/info", dependencies=[allow(READ)])
def get_info_old(request_id: str, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"trace_info": shapes.old_info(queries.get(session, caller.workspace.id, request_id))})
