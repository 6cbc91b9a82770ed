"""REST for workers, computes and queues."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.compute import occupancy, queries, service, usage
from app.compute.permissions import QUEUES, READ, WRITE
from app.compute.power import change_power
from app.compute.schemas import (
    ComputeChange,
    ComputeCreate,
    ComputeRead,
    NodeRead,
    QueueChange,
    QueueRead,
    UsageRead,
    WorkerRead,
)
from app.compute.specification import load_compute
from app.compute.tables import Compute, Queue
from app.web.paging import Listing, listing
from app.web.session import SessionDep
from app.web.yaml_bodies import yaml_body, yaml_body_of

router = APIRouter(tags=["compute"])


async def _sent(request: Request) -> ComputeCreate:
    return ComputeCreate.model_validate(await yaml_body_of(request))


@router.get("/api/compute", response_model=list[WorkerRead], dependencies=[allow(READ)])
def workers(session: SessionDep):
    """The workers that are there now."""
    return queries.working(session)


@router.post(
    "/api/computes", response_model=ComputeRead, dependencies=[allow(WRITE)],
    openapi_extra=yaml_body("A compute file", ComputeCreate),
)  # fmt: skip
def put_compute(
    sent: Annotated[ComputeCreate, Depends(_sent)], session: SessionDep, caller: CallerDep, response: Response
) -> ComputeRead:
    """Make a compute (201), or change the one of its name (200)."""
    spec = load_compute(sent.yaml)
    made, is_new = service.put_compute(session, caller.workspace.id, spec, created_by=caller.user.name)
    response.status_code = 201 if is_new else 200
    note(session, "computes", made.name, after={"type": made.type, "max_instances": made.max_instances})
    return ComputeRead.of(made, warnings=spec.warnings)


@router.get("/api/computes", response_model=Listing[ComputeRead], dependencies=[allow(READ)])
def computes(
    session: SessionDep,
    caller: CallerDep,
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    found = queries.computes(session, caller.workspace.id, number=page, size=size)
    used = occupancy.now(session).computes
    return listing(found, [ComputeRead.of(row, used[row.workspace_id, row.name]) for row in found.rows])


@router.get("/api/computes/{name}", response_model=ComputeRead, dependencies=[allow(READ)])
def compute(name: str, session: SessionDep, caller: CallerDep) -> ComputeRead:
    found = queries.get_compute(session, caller.workspace.id, name)
    return ComputeRead.of(found, occupancy.now(session).computes[found.workspace_id, name])


@router.patch("/api/computes/{name}", response_model=ComputeRead, dependencies=[allow(WRITE)])
def change_compute(name: str, change: ComputeChange, session: SessionDep, caller: CallerDep) -> ComputeRead:
    found = queries.get_compute(session, caller.workspace.id, name)
    changes = change.model_dump(exclude_unset=True)
    before = {field: getattr(found, field) for field in changes}
    service.change_compute(session, found, changes)
    note(session, "computes", name, before=before, after=changes)
    return ComputeRead.of(found, occupancy.now(session).computes[found.workspace_id, name])


@router.post("/api/computes/{name}/stop", response_model=ComputeRead, dependencies=[allow(WRITE)])
def stop_compute(name: str, session: SessionDep, caller: CallerDep) -> ComputeRead:
    """None of its jobs starts until it is started again; those that run end by themselves."""
    return _powered(session, caller, name, service.stop_compute)


@router.post("/api/computes/{name}/start", response_model=ComputeRead, dependencies=[allow(WRITE)])
@router.post("/api/computes/{name}/restart", response_model=ComputeRead, dependencies=[allow(WRITE)])
def start_compute(name: str, session: SessionDep, caller: CallerDep) -> ComputeRead:
    """Its jobs start again. A compute has no machine of its own, so to restart it is the same."""
    return _powered(session, caller, name, service.start_compute)


def _powered(session: Session, caller: Caller, name: str, change: Callable[[Session, Compute], None]) -> ComputeRead:
    found = change_power(session, caller.workspace.id, name, change)
    return ComputeRead.of(found, occupancy.now(session).computes[found.workspace_id, name])


@router.get("/api/computes/{name}/nodes", response_model=list[NodeRead], dependencies=[allow(READ)])
def nodes(name: str, session: SessionDep, caller: CallerDep) -> list[NodeRead]:
    """The workers, which all computes share, each with the jobs of this compute that run there."""
    found = queries.get_compute(session, caller.workspace.id, name)
    jobs = occupancy.jobs_of_compute(session, found)
    return [NodeRead.of(worker, jobs.get(worker.id, [])) for worker in queries.working(session)]


@router.get("/api/compute/usage", response_model=list[UsageRead], dependencies=[allow(READ)])
def used(session: SessionDep, caller: CallerDep) -> list[UsageRead]:
    """What is in use of the slots, the GPUs and each queue; a `limit` of -1 is none."""
    return [UsageRead.of(row) for row in usage.limits(usage.now(session, caller.workspace.id))]


@router.delete("/api/computes/{name}", status_code=204, dependencies=[allow(WRITE)])
def delete_compute(name: str, session: SessionDep, caller: CallerDep) -> None:
    found = queries.get_compute(session, caller.workspace.id, name)
    note(session, "computes", name, before={"type": found.type, "max_instances": found.max_instances})
    service.delete_compute(session, found)


@router.get("/api/queues", response_model=list[QueueRead], dependencies=[allow(READ)])
def queues(session: SessionDep, caller: CallerDep) -> list[QueueRead]:
    found = usage.now(session, caller.workspace.id)
    return [_read(queue, found) for queue in found.queues]


@router.get("/api/queues/{name}", response_model=QueueRead, dependencies=[allow(READ)])
def queue(name: str, session: SessionDep, caller: CallerDep) -> QueueRead:
    return _read(queries.get_queue(session, name), usage.now(session, caller.workspace.id))


@router.put("/api/queues/{name}", response_model=QueueRead, dependencies=[allow(QUEUES)])
def put_queue(name: str, change: QueueChange, session: SessionDep, caller: CallerDep) -> QueueRead:
    """Make a queue, or change what is given of it."""
    changes = change.model_dump(exclude_unset=True)
    before = queries.find_queue(session, name)
    before = {field: getattr(before, field) for field in changes} if before else None
    made = service.put_queue(session, name, changes)
    note(session, "queues", name, before=before, after=changes)
    return _read(made, usage.now(session, caller.workspace.id))


@router.delete("/api/queues/{name}", status_code=204, dependencies=[allow(QUEUES)])
def delete_queue(name: str, session: SessionDep) -> None:
    """Its jobs go over to the default queue."""
    found = queries.get_queue(session, name)
    note(session, "queues", name, before={"weight": found.weight, "max_slots": found.max_slots})
    service.delete_queue(session, found)


def _read(queue: Queue, found: usage.Usage) -> QueueRead:
    share = found.by_queue.get(queue.name)
    return QueueRead(
        name=queue.name,
        weight=queue.weight,
        max_slots=queue.max_slots,
        description=queue.description or "",
        slots_in_use=share.slots if share else 0,
        waiting=share.waiting if share else 0,
    )
