"""MLflow's calls that log into a run: metrics, parameters and tags.

They come by the thousand, so they meet no session of their own and no thread pool: the caller is
known from memory, and the writer commits what many of them log in one transaction.
"""

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, run_id_of
from app.dialects.mlflow.quick import quick
from app.tracking import runs, service
from app.tracking.metrics import Metric
from app.tracking.names import LARGEST_INTEGER, check_batch
from app.tracking.permissions import WRITE
from app.tracking.together import writer
from app.web.session import SessionDep

router = APIRouter(prefix="/runs")
_PLAIN = ("key", "value", "timestamp", "step")
_PLAIN_TYPES = (str, float, int, int)


QUICK = quick(WRITE)


def metric_of(arguments: Arguments) -> Metric:
    """Plain points, as clients send them by the thousand, need no word about what is wrong."""
    fields = arguments.fields
    key, value, timestamp, step = (fields.get(name) for name in _PLAIN)
    if (type(key), type(value), type(timestamp), type(step)) == _PLAIN_TYPES and len(fields) == 4:
        in_range = abs(timestamp) < LARGEST_INTEGER and abs(step) < LARGEST_INTEGER
        if key and in_range:
            return Metric(key, value, timestamp, step)
    return Metric(
        arguments.text("key"),
        arguments.number("value"),
        arguments.integer("timestamp"),
        arguments.integer("step", 0),
        arguments.optional_text("model_id") or None,
        arguments.optional_text("dataset_name"),
        arguments.optional_text("dataset_digest"),
    )


async def _log(caller: Caller, run_id: str, **logged) -> Response:
    await asyncio.wrap_future(writer.submit(partial(_write, caller, run_id, logged)))
    return answer()


def _write(caller: Caller, run_id: str, logged: dict, session) -> None:
    service.log_batch(session, runs.reference(session, caller, run_id), **logged)


@router.post("/log-metric", dependencies=[QUICK])
async def log_metric(arguments: ArgumentsDep, request: Request) -> Response:
    return await _log(request.state.caller, run_id_of(arguments), metrics=[metric_of(arguments)])


@router.post("/log-parameter", dependencies=[QUICK])
async def log_parameter(arguments: ArgumentsDep, request: Request) -> Response:
    param = arguments.text("key"), arguments.value("value")
    return await _log(request.state.caller, run_id_of(arguments), params=[param])


@router.post("/log-batch", dependencies=[QUICK])
async def log_batch(arguments: ArgumentsDep, request: Request) -> Response:
    metrics, params, tags = arguments.objects("metrics"), arguments.objects("params"), arguments.objects("tags")
    check_batch(len(metrics), len(params), len(tags))
    points = [metric_of(item) for item in metrics]
    pairs = {"params": arguments.pairs("params"), "tags": arguments.pairs("tags")}
    return await _log(request.state.caller, run_id_of(arguments), metrics=points, **pairs)


@router.post("/set-tag", dependencies=[QUICK])
async def set_tag(arguments: ArgumentsDep, request: Request) -> Response:
    tag = arguments.text("key"), arguments.value("value")
    return await _log(request.state.caller, run_id_of(arguments), tags=[tag])


@router.post("/delete-tag", dependencies=[allow(WRITE)])
def delete_tag(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    service.delete_tag(session, runs.reference(session, caller, arguments.text("run_id")), arguments.text("key"))
    return answer()
