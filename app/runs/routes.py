"""REST for what is done to runs: move, copy, delete, and all of it to many at once."""

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.jobs.permissions import DELETE, READ, WRITE
from app.runs import actions, routes_experiments, service
from app.runs.schemas import Arguments, Bulk, BulkResult, OperationRead, Target
from app.runs.selection import Selection
from app.runs.service import Outcome
from app.web.routing import include
from app.web.session import SessionDep

bulk = APIRouter(prefix="/api/bulk", tags=["jobs"])
one = APIRouter(prefix="/api/jobs", tags=["jobs"])


def _result(outcome: Outcome, response: Response) -> BulkResult:
    if outcome.operation:
        response.status_code = 202
    operation = OperationRead.model_validate(outcome.operation) if outcome.operation else None
    return BulkResult(names=outcome.names, operation=operation)


def _selection(body: Bulk) -> Selection:
    if bool(body.names) == (body.query is not None):
        raise Invalid("names: name runs, or give a query that selects them, and not both.", target="names")
    return Selection(tuple(body.names), body.query)


@bulk.get("/operations/{operation_id}", response_model=OperationRead, dependencies=[allow(READ)])
def operation(operation_id: int, session: SessionDep, caller: CallerDep) -> OperationRead:
    """How far an action on many runs has come."""
    return OperationRead.model_validate(service.get(session, caller.workspace.id, operation_id))


@bulk.post("/operations/{operation_id}/stop", response_model=OperationRead, dependencies=[allow(WRITE)])
def stop(operation_id: int, session: SessionDep, caller: CallerDep) -> OperationRead:
    """What was done stays done; the rest is left as it is."""
    found = service.get(session, caller.workspace.id, operation_id)
    service.stop(session, found)
    note(session, "bulk-operations", str(found.id), after={"status": found.status})
    return OperationRead.model_validate(found)


@bulk.post("/remove", response_model=BulkResult, dependencies=[allow(DELETE)])
def remove_many(body: Bulk, session: SessionDep, caller: CallerDep, response: Response) -> BulkResult:
    """Delete runs for good, with their files. Answered 202 where a worker goes on with it."""
    return _result(service.act(session, caller, actions.REMOVE, _selection(body), body), response)


@bulk.post("/{action}", response_model=BulkResult, dependencies=[allow(WRITE)])
def act(action: str, body: Bulk, session: SessionDep, caller: CallerDep, response: Response) -> BulkResult:
    """Do one of move, copy, tag, untag, rename, archive, unarchive, delete, restore and cancel to runs: to all that
    are named, or to none. Answered 202 where they are too many for a request, and a worker goes on with it."""
    return _result(service.act(session, caller, action, _selection(body), body), response)


def _one(session, caller, action: str, name: str, arguments: Arguments, response: Response) -> BulkResult:
    return _result(service.act(session, caller, action, Selection((name,)), arguments), response)


@one.post("/{name}/move", response_model=BulkResult, dependencies=[allow(WRITE)])
def move(name: str, body: Target, session: SessionDep, caller: CallerDep, response: Response) -> BulkResult:
    """Put the run into another experiment. Its id, files and all that it logged stay."""
    return _one(session, caller, "move", name, Arguments(**body.model_dump()), response)


@one.post("/{name}/copy", status_code=201, response_model=BulkResult, dependencies=[allow(WRITE)])
def copy(name: str, body: Target, session: SessionDep, caller: CallerDep, response: Response) -> BulkResult:
    """A new run with all that this one logged; its tag `atelier.copiedFrom` names the origin."""
    return _one(session, caller, actions.COPY, name, Arguments(**body.model_dump()), response)


@one.post("/{name}/delete", response_model=BulkResult, dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep, response: Response, children: bool = False) -> BulkResult:
    """Out of sight, until it is restored."""
    return _one(session, caller, "delete", name, Arguments(children=children), response)


@one.post("/{name}/restore", response_model=BulkResult, dependencies=[allow(WRITE)])
def restore(
    name: str, session: SessionDep, caller: CallerDep, response: Response, children: bool = False
) -> BulkResult:
    return _one(session, caller, "restore", name, Arguments(children=children), response)


@one.delete("/{name}", response_model=BulkResult, dependencies=[allow(DELETE)])
def remove(name: str, session: SessionDep, caller: CallerDep, response: Response, children: bool = False) -> BulkResult:
    """Delete the run for good: its metrics, parameters, tags, traces, logs and files."""
    return _one(session, caller, actions.REMOVE, name, Arguments(children=children), response)


router = APIRouter()
include(router, bulk)
include(router, one)
include(router, routes_experiments.router)
