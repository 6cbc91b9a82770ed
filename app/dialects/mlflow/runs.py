"""MLflow's calls about runs, and the search for them."""

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.database import reading
from app.dialects.mlflow import shapes
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, page, run_id_of
from app.dialects.mlflow.quick import quick
from app.errors import Invalid
from app.experiments import queries as experiments
from app.experiments.search import STAGES
from app.jobs.permissions import READ
from app.tracking import metrics, runs, search, service
from app.tracking.artifacts import entries, run_key, run_uri
from app.tracking.names import LARGEST_INTEGER
from app.tracking.permissions import RUNS_WRITE, WRITE
from app.web.session import SessionDep

router = APIRouter()
MOST_FOUND, DEFAULT_FOUND = 50_000, 1000
MOST_POINTS = 25_000
MOST_RUNS_AT_ONCE = 100
BULK_POINTS = 2500


@router.post("/runs/create", dependencies=[allow(RUNS_WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment = experiments.get(
        session, caller.workspace.id, arguments.optional_text("experiment_id") or experiments.DEFAULT
    )
    job = service.create_run(
        session,
        caller,
        experiment,
        name=arguments.optional_text("run_name"),
        user=arguments.optional_text("user_id"),
        started_at=arguments.time("start_time"),
        tags=arguments.pairs("tags"),
    )
    note(session, "jobs", job.name, after={"display_name": job.display_name, "experiment": experiment.name})
    return answer({"run": shapes.runs(session, [job.id])[0]})


@router.get("/runs/get", dependencies=[allow(READ)])
def get(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    job = runs.get(session, caller.workspace.id, run_id_of(arguments))
    return answer({"run": shapes.runs(session, [job.id])[0]})


@router.post("/runs/update", dependencies=[allow(WRITE)])
def update(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    job = runs.get_writable(session, caller, run_id_of(arguments))
    status = shapes.status_named(arguments.text("status")) if "status" in arguments else None
    service.update_run(
        session, job, status=status, ended_at=arguments.time("end_time"), name=arguments.optional_text("run_name")
    )
    info = shapes.run_info(job, job.tag_map.get("mlflow.user"))
    if job.type != "run" and status is not None:
        # The worker ends the job; a client that ends its run is answered as it expects.
        info["status"] = shapes.STATUS_OF[status]
    return answer({"run_info": info})


@router.post("/runs/delete", dependencies=[allow(RUNS_WRITE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    job = runs.get_writable(session, caller, arguments.text("run_id"), deleted=True)
    service.delete_run(session, job)
    note(session, "jobs", job.name, after={"lifecycle_stage": "deleted"})
    return answer()


@router.post("/runs/restore", dependencies=[allow(RUNS_WRITE)])
def restore(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    job = runs.get_writable(session, caller, arguments.text("run_id"), deleted=True)
    service.restore_run(session, job)
    note(session, "jobs", job.name, after={"lifecycle_stage": "active"})
    return answer()


@router.post("/runs/search", dependencies=[quick(READ)])
async def find(arguments: ArgumentsDep, request: Request) -> Response:
    return await run_in_threadpool(_read, _find, arguments, request.state.caller)


def _read(handler, arguments: Arguments, caller: Caller) -> Response:
    with reading() as session:
        return handler(arguments, session, caller)


def _find(arguments: Arguments, session: Session, caller: Caller) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_FOUND, MOST_FOUND)
    ids = search.search(
        session,
        caller.workspace.id,
        experiments.ids(session, caller.workspace.id, arguments.texts("experiment_ids")),
        filter=arguments.optional_text("filter"),
        order_by=arguments.texts("order_by"),
        view=arguments.choice("run_view_type", STAGES, "ACTIVE_ONLY"),
        offset=offset,
        count=count + 1,
    )
    return page("runs", shapes.runs(session, ids[:count]), offset, count, is_last=len(ids) <= count)


@router.get("/artifacts/list", dependencies=[allow(READ)])
def artifacts(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    job = runs.get(session, caller.workspace.id, run_id_of(arguments))
    found = entries(run_key(job), arguments.optional_text("path"))
    return answer({"root_uri": run_uri(job)} | ({"files": found} if found else {}))


@router.get("/metrics/get-history", dependencies=[quick(READ)])
async def history(arguments: ArgumentsDep, request: Request) -> Response:
    return await run_in_threadpool(_read, _history, arguments, request.state.caller)


def _history(arguments: Arguments, session: Session, caller: Caller) -> Response:
    job = runs.get(session, caller.workspace.id, run_id_of(arguments))
    key = arguments.text("metric_key")
    points = metrics.history(session, job.id, key)
    offset = arguments.offset()
    count = arguments.integer("max_results", 0) or MOST_POINTS
    if count < 0:
        raise Invalid("max_results must be a positive integer.", target="max_results")
    count = count if "max_results" in arguments else max(len(points), 1)
    shown = shapes.history(key, points[offset : offset + count])
    return page("metrics", shown, offset, count, is_last=len(points) <= offset + count)


@router.get("/metrics/get-history-bulk", dependencies=[allow(READ)])
def history_bulk(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    key, count = arguments.text("metric_key"), arguments.count(MOST_POINTS, MOST_POINTS)
    found = []
    for run_id in _run_ids(arguments, "run_id"):
        job = runs.get(session, caller.workspace.id, run_id)
        points = metrics.history(session, job.id, key)[: count - len(found)]
        found += shapes.history(key, points, run_id)
    return answer({"metrics": found})


@router.get("/metrics/get-history-bulk-interval", dependencies=[allow(READ)])
def history_interval(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """About `max_results` steps a run, evenly spread, with the first and the last."""
    key, count = arguments.text("metric_key"), arguments.count(BULK_POINTS, BULK_POINTS)
    first, last = arguments.integer("start_step", -LARGEST_INTEGER), arguments.integer("end_step", LARGEST_INTEGER)
    if first > last:
        raise Invalid(f"end_step must be at least start_step. Found {first} and {last}.", target="end_step")
    found = []
    for run_id in _run_ids(arguments, "run_ids"):
        job = runs.get(session, caller.workspace.id, run_id)
        points = [point for point in metrics.history(session, job.id, key) if first <= point.step <= last]
        steps = _spread(sorted({point.step for point in points}), count)
        found += shapes.history(key, [point for point in points if point.step in steps], run_id)
    return answer({"metrics": found} if found else {})


def _spread(steps: list[int], count: int) -> set[int]:
    if len(steps) <= count:
        return set(steps)
    stride = len(steps) / count
    return {steps[int(index * stride)] for index in range(count)} | {steps[-1]}


def _run_ids(arguments, name: str) -> list[str]:
    found = arguments.texts(name)
    if not 1 <= len(found) <= MOST_RUNS_AT_ONCE:
        raise Invalid(f"{name}: ask for 1 to {MOST_RUNS_AT_ONCE} runs; these are {len(found)}.", target=name)
    return found
