"""Azure's calls about computes: names under which jobs ask for workers."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.compute import occupancy, queries, service
from app.compute import usage as compute_usage
from app.compute.permissions import READ, WRITE
from app.compute.power import change_power
from app.compute.specification import load_compute
from app.compute.tables import Compute
from app.dialects.arm import answers, compute_shapes
from app.dialects.arm.addressing import LOCATIONS, WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.kit.clock import now
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/computes")
machines = APIRouter()


def shown(request: Request, compute: Compute) -> dict:
    return answers.resource(
        request,
        f"computes/{compute.name}",
        compute_shapes.properties_of(compute),
        created_at=compute.created_at,
        created_by=compute.created_by,
        location=compute_shapes.LOCATION,
        tags=compute.tags,
    )


@router.get("/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """A compute, or for a name that nobody made a stand-in, as jobs that name it run too."""
    found = queries.find_compute(session, caller.workspace.id, name)
    return answers.body(shown(request, found or _stand_in(name)))


def _stand_in(name: str) -> Compute:
    text = f"There is no compute {name!r} here; jobs that name it run on the workers as they are."
    return Compute(
        name=name,
        type=compute_shapes.CLUSTER,
        description=text,
        min_instances=0,
        max_instances=None,
        tags={},
        spec={},
        created_by="",
        created_at=now(),
    )


@router.get("", dependencies=[allow(READ)])
def computes(request: Request, session: SessionDep, caller: CallerDep, paging: PagingDep) -> JSONResponse:
    found = queries.computes(session, caller.workspace.id, number=paging.number, size=paging.size)
    return paging.answer(found, lambda compute: shown(request, compute))


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Make a compute, or change the one of that name."""
    spec = load_compute(compute_shapes.document_of(name, sent))
    made, is_new = service.put_compute(session, caller.workspace.id, spec, created_by=caller.user.name)
    note(session, "computes", name, after={"type": made.type, "max_instances": made.max_instances})
    return answers.done(request, shown(request, made), 201 if is_new else 200)


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.find_compute(session, caller.workspace.id, name)
    if found is None:
        return Response(status_code=204)
    note(session, "computes", name, before={"type": found.type, "max_instances": found.max_instances})
    service.delete_compute(session, found)
    return Response(status_code=200)


@router.post("/{name}/start", dependencies=[allow(WRITE)])
@router.post("/{name}/restart", dependencies=[allow(WRITE)])
def start(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Its jobs start again. A compute has no machine of its own, so to restart it is the same."""
    return _powered(request, session, caller, name, service.start_compute)


@router.post("/{name}/stop", dependencies=[allow(WRITE)])
def stop(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _powered(request, session, caller, name, service.stop_compute)


def _powered(request: Request, session: Session, caller: Caller, name: str, change: Callable) -> Response:
    """Raises NotFound for a compute that there is not."""
    change_power(session, caller.workspace.id, name, change)
    # Clients take no answer but that they shall ask again.
    return answers.underway(request, f"computes/{name}")


@router.post("/{name}/listNodes", dependencies=[allow(READ)])
def nodes(name: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """The workers, which all computes share."""
    found = queries.find_compute(session, caller.workspace.id, name)
    jobs = occupancy.jobs_of_compute(session, found) if found else {}
    workers = queries.working(session)
    return answers.body({"nodes": [compute_shapes.node(worker, jobs.get(worker.id, [])) for worker in workers]})


@machines.get(LOCATIONS + "/{location}/vmSizes", dependencies=[allow(READ)])
def sizes(session: SessionDep) -> JSONResponse:
    """What the workers are: whatever size a compute asks for, its jobs run on them."""
    return answers.body({"value": [compute_shapes.size(worker) for worker in queries.working(session)]})


@machines.get(LOCATIONS + "/{location}/usages", dependencies=[allow(READ)])
def usages(session: SessionDep, caller: CallerDep) -> JSONResponse:
    """What is in use of the slots and GPUs, and of each queue, which is what limits jobs here."""
    found = compute_usage.limits(compute_usage.now(session, caller.workspace.id))
    return answers.body({"value": [compute_shapes.usage(row) for row in found]})
