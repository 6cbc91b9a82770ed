"""REST for taking in what was logged elsewhere, record by record, and for bundles of it."""

from dataclasses import asdict
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow.arguments import ArgumentsDep
from app.transfer import evaluation, files, logged_models, registry, reviews, runs, traces
from app.transfer.export import export
from app.transfer.permissions import READ, WRITE
from app.transfer.records import Outcome
from app.transfer.selection import select_all
from app.web.bodies import pieces_of
from app.web.routing import include
from app.web.session import SessionDep

imports = APIRouter(prefix="/api/imports", tags=["transfer"])


def _answer(session, kind: str, outcome: Outcome) -> dict:
    note(session, kind, outcome.id, after={"imported": True, "created": outcome.created})
    return asdict(outcome)


@imports.post("/experiments", dependencies=[allow(WRITE)])
def experiment(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "experiments", runs.experiment(session, caller, arguments))


@imports.post("/runs", dependencies=[allow(WRITE)])
def run(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep, partial: bool = False) -> dict:
    """With `partial` more of it is to come; without, its state, parent and models are set."""
    return _answer(session, "jobs", runs.run(session, caller, arguments, partial=partial))


@imports.post("/runs/{run_id}/metrics", dependencies=[allow(WRITE)])
def metrics(run_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> dict:
    outcome, count = runs.points(session, caller, run_id, arguments)
    note(session, "jobs", outcome.id, after={"points": count})
    return {"id": outcome.id, "created": outcome.created, "points": count}


@imports.post("/logged-models", dependencies=[allow(WRITE)])
def logged_model(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep, partial: bool = False) -> dict:
    made = logged_models.logged_model(session, caller, arguments, partial=partial)
    return _answer(session, "logged-models", made)


@imports.post("/traces", dependencies=[allow(WRITE)])
def trace(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "traces", traces.trace(session, caller, arguments))


@imports.post("/registered-models", dependencies=[allow(WRITE)])
def registered_model(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "models", registry.registered_model(session, caller, arguments))


@imports.post("/model-versions", dependencies=[allow(WRITE)])
def model_version(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "models", registry.model_version(session, caller, arguments))


@imports.post("/label-schemas", dependencies=[allow(WRITE)])
def label_schema(given: reviews.Question, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "label-schemas", reviews.question(session, caller, given))


@imports.post("/review-queues", dependencies=[allow(WRITE)])
def review_queue(given: reviews.Queue, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "review-queues", reviews.queue(session, caller, given))


@imports.post("/review-queues/{queue_id}/items", dependencies=[allow(WRITE)])
def review_items(queue_id: str, given: reviews.Items, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "review-queues", reviews.items(session, caller, queue_id, given))


@imports.post("/issues", dependencies=[allow(WRITE)])
def issue(given: reviews.IssueRecord, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "issues", reviews.issue(session, caller, given))


@imports.post("/scorers", dependencies=[allow(WRITE)])
def scorer(given: evaluation.ScorerRecord, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "scorers", evaluation.scorer(session, caller, given))


@imports.post("/evaluation-datasets", dependencies=[allow(WRITE)])
def evaluation_dataset(given: evaluation.Dataset, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "evaluation-datasets", evaluation.dataset(session, caller, given))


@imports.post("/evaluation-datasets/{dataset_id}/records", dependencies=[allow(WRITE)])
def evaluation_records(dataset_id: str, given: evaluation.Examples, session: SessionDep, caller: CallerDep) -> dict:
    return _answer(session, "evaluation-datasets", evaluation.records(session, caller, dataset_id, given))


@imports.get("/model-versions/{name}/{version}/files", dependencies=[allow(WRITE)])
def version_files(name: str, version: str, session: SessionDep, caller: CallerDep, digests: bool = False) -> dict:
    areas = files.areas_of_version(session, caller, name, version)
    return {"value": list(files.listed(areas, digests=digests))}


@imports.put("/model-versions/{name}/{version}/files/{path:path}", dependencies=[allow(WRITE)])
async def put_version_file(name: str, version: str, path: str, request: Request, caller: CallerDep) -> dict:
    return await _take(request, caller, path, "model-versions", name, version)


@imports.get("/{kind}/{id}/files", dependencies=[allow(WRITE)])
def listing(kind: str, id: str, session: SessionDep, caller: CallerDep, digests: bool = False) -> dict:
    return {"value": list(files.listed(files.areas(session, caller, kind, id), digests=digests))}


@imports.put("/{kind}/{id}/files/{path:path}", dependencies=[allow(WRITE)])
async def put_file(kind: str, id: str, path: str, request: Request, caller: CallerDep) -> dict:
    return await _take(request, caller, path, kind, id)


async def _take(request: Request, caller, path: str, *owner: str) -> dict:
    """No session is open while the file comes in."""
    expected = files.digest_of(request.headers.get("content-digest", ""))
    key = await run_in_threadpool(files.open_to_write, caller, path, *owner)
    return {"id": path, "created": await run_in_threadpool(files.take, key, pieces_of(request), expected)}


router = APIRouter()
include(router, imports)


@router.get("/api/exports", dependencies=[allow(READ)], tags=["transfer"], response_class=Response)
def bundle(
    session: SessionDep,
    caller: CallerDep,
    experiment: Annotated[list[str], Query()] = [],
    run: Annotated[list[str], Query()] = [],
) -> Response:
    """A bundle of experiments by name, or of runs, with all that belongs to them."""
    selection = select_all(session, caller.workspace.id, experiment, run)
    name = quote(f"{(experiment or run)[0].replace('/', '-')}.atelier")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return StreamingResponse(export(selection), media_type="application/zip", headers=headers)
