"""REST for batch endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.endpoints.batch import queries, service
from app.endpoints.batch.schemas import (
    BatchDeploymentCreate,
    BatchDeploymentRead,
    BatchEndpointChange,
    BatchEndpointCreate,
    BatchEndpointRead,
    Invocation,
)
from app.endpoints.permissions import READ, WRITE
from app.jobs import permissions as jobs
from app.jobs.schemas import JobRead
from app.web.addressing import url_for_workspace
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/batch-endpoints", tags=["batch endpoints"])
Number = Annotated[int, Query(ge=1)]
Size = Annotated[int, Query(ge=1, le=500)]


def _place(request: Request, caller: Caller) -> str:
    """The workspace's address as clients reach it."""
    return request.app.state.settings.url + url_for_workspace(caller.workspace.name, "")


@router.get("", response_model=Listing[BatchEndpointRead], dependencies=[allow(READ)])
def endpoints(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    sort: str = "name",
    page: Number = 1,
    size: Size = 50,
) -> dict:
    found = queries.page(session, caller.workspace.id, text=text, sort=sort, number=page, size=size)
    return listing(found, [BatchEndpointRead.of(endpoint, _place(request, caller)) for endpoint in found.rows])


@router.post("", status_code=201, response_model=BatchEndpointRead, dependencies=[allow(WRITE)])
def create(new: BatchEndpointCreate, request: Request, session: SessionDep, caller: CallerDep) -> BatchEndpointRead:
    endpoint = service.create(session, caller.workspace.id, created_by=caller.user.name, **new.model_dump())
    note(session, "batch-endpoints", endpoint.name, after={"description": endpoint.description})
    return BatchEndpointRead.of(endpoint, _place(request, caller))


@router.get("/{endpoint}", response_model=BatchEndpointRead, dependencies=[allow(READ)])
def read(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> BatchEndpointRead:
    return BatchEndpointRead.of(queries.get(session, caller.workspace.id, endpoint), _place(request, caller))


@router.patch("/{endpoint}", response_model=BatchEndpointRead, dependencies=[allow(WRITE)])
def change(
    endpoint: str, change: BatchEndpointChange, request: Request, session: SessionDep, caller: CallerDep
) -> BatchEndpointRead:
    """Change the default deployment, description or tags."""
    found = queries.get(session, caller.workspace.id, endpoint)
    changes = change.model_dump(exclude_unset=True)
    before = BatchEndpointRead.of(found, _place(request, caller)).model_dump(include=set(changes))
    service.change(session, found, **changes)
    note(session, "batch-endpoints", endpoint, before=before, after=changes)
    return BatchEndpointRead.of(found, _place(request, caller))


@router.delete("/{endpoint}", status_code=204, dependencies=[allow(WRITE)])
def delete(endpoint: str, session: SessionDep, caller: CallerDep) -> Response:
    service.delete(session, queries.get(session, caller.workspace.id, endpoint))
    note(session, "batch-endpoints", endpoint)
    return Response(status_code=204)


@router.get("/{endpoint}/deployments", response_model=list[BatchDeploymentRead], dependencies=[allow(READ)])
def deployments(endpoint: str, session: SessionDep, caller: CallerDep) -> list[BatchDeploymentRead]:
    found = queries.get(session, caller.workspace.id, endpoint)
    return [BatchDeploymentRead.of(deployment) for deployment in found.deployments]


@router.post(
    "/{endpoint}/deployments", status_code=201, response_model=BatchDeploymentRead, dependencies=[allow(WRITE)]
)
def deploy(endpoint: str, new: BatchDeploymentCreate, session: SessionDep, caller: CallerDep) -> BatchDeploymentRead:
    """Make a deployment, or change the one of that name."""
    found = queries.get(session, caller.workspace.id, endpoint)
    made = service.deploy(session, caller, found, new)
    runs = {name: made.spec[name] for name in ("model", "component", "job_definition") if made.spec[name]}
    note(session, "batch-deployments", f"{endpoint}/{made.name}", after=runs)
    return BatchDeploymentRead.of(made)


@router.get("/{endpoint}/deployments/{deployment}", response_model=BatchDeploymentRead, dependencies=[allow(READ)])
def read_deployment(endpoint: str, deployment: str, session: SessionDep, caller: CallerDep) -> BatchDeploymentRead:
    found = queries.get(session, caller.workspace.id, endpoint)
    return BatchDeploymentRead.of(queries.deployment_of(found, deployment))


@router.delete("/{endpoint}/deployments/{deployment}", status_code=204, dependencies=[allow(WRITE)])
def delete_deployment(endpoint: str, deployment: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, endpoint)
    service.delete_deployment(session, queries.deployment_of(found, deployment))
    note(session, "batch-deployments", f"{endpoint}/{deployment}")
    return Response(status_code=204)


@router.post("/{endpoint}/jobs", status_code=201, response_model=JobRead, dependencies=[allow(jobs.WRITE)])
def invoke(endpoint: str, asked: Invocation, session: SessionDep, caller: CallerDep) -> JobRead:
    """Score an input; the answer is the job that does."""
    job = service.invoke(session, caller, queries.get(session, caller.workspace.id, endpoint), asked)
    note(session, "jobs", job.name, after={"batch_endpoint": endpoint})
    return JobRead.of(job)


@router.get("/{endpoint}/jobs", response_model=Listing[JobRead], dependencies=[allow(READ)])
def invocations(
    endpoint: str, session: SessionDep, caller: CallerDep, deployment: str = "", page: Number = 1, size: Size = 50
) -> dict:
    found = queries.get(session, caller.workspace.id, endpoint)
    rows = queries.jobs(session, found, deployment, number=page, size=size)
    return listing(rows, [JobRead.of(job) for job in rows.rows])
