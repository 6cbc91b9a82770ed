"""Azure's calls about batch endpoints and the jobs that they are invoked for."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, batch_shapes, online_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.cloud import address
from app.dialects.arm.wire import mapping
from app.endpoints.batch import queries, service
from app.endpoints.batch.tables import BatchEndpoint
from app.endpoints.permissions import READ, WRITE
from app.errors import Invalid
from app.jobs import permissions as jobs
from app.jobs.tables import Job
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/batchEndpoints")
# Where clients look for jobs.
mferp = APIRouter(prefix="/mferp/managementfrontend" + WORKSPACE + "/batchEndpoints")
TARGET = "batch-endpoints"
DeploymentHeader = Annotated[str, Header(alias="azureml-model-deployment")]


def shown(request: Request, endpoint: BatchEndpoint) -> dict:
    place = f"batchEndpoints/{endpoint.name}"
    where = f"{address(request)}{answers.workspace_id(request)}/{place}"
    return answers.resource(
        request,
        place,
        batch_shapes.endpoint(endpoint, where),
        created_at=endpoint.created_at,
        created_by=endpoint.created_by,
        changed_at=endpoint.updated_at,
        location=online_shapes.LOCATION,
        tags=endpoint.tags,
        identity={"type": "SystemAssigned"},
    )


def job_shown(request: Request, endpoint: str, job: Job) -> dict:
    return answers.resource(
        request,
        f"batchEndpoints/{endpoint}/jobs/{job.name}",
        {"status": job.status.value, "name": job.name, "displayName": job.display_name},
        created_at=job.created_at,
        created_by=job.created_by,
    )


@router.get("", dependencies=[allow(READ)])
def endpoints(request: Request, session: SessionDep, caller: CallerDep, paging: PagingDep) -> JSONResponse:
    found = queries.page(session, caller.workspace.id, number=paging.number, size=paging.size)
    return paging.answer(found, lambda endpoint: shown(request, endpoint))


@router.get("/{endpoint}", dependencies=[allow(READ)])
def get(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return answers.body(shown(request, queries.get(session, caller.workspace.id, endpoint)))


@router.put("/{endpoint}", dependencies=[allow(WRITE)])
def put(endpoint: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    asked, changes = mapping(sent, "properties", "body"), batch_shapes.changes_of(sent)
    mode = str(asked.get("authMode") or batch_shapes.AUTH_MODE)
    if mode.lower() != batch_shapes.AUTH_MODE.lower():
        raise Invalid(
            f"properties.authMode: {mode!r} is not {batch_shapes.AUTH_MODE}, the only one of batch endpoints.",
            target="properties.authMode",
        )
    found = queries.find(session, caller.workspace.id, endpoint)
    if found is not None:
        return _change(request, session, found, changes)
    own = {"properties": mapping(asked, "properties")}
    found = service.create(session, caller.workspace.id, endpoint, created_by=caller.user.name, **own)
    service.change(session, found, **changes)
    note(session, TARGET, endpoint, after=changes)
    return answers.body(shown(request, found), 201)


@router.patch("/{endpoint}", dependencies=[allow(WRITE)])
def patch(endpoint: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    return _change(request, session, found, batch_shapes.changes_of(sent))


def _change(request: Request, session: SessionDep, found: BatchEndpoint, changes: dict) -> JSONResponse:
    before = {"defaults": {"deployment_name": found.default_deployment}}
    before |= {name: getattr(found, name) for name in changes if name != "defaults"}
    service.change(session, found, **changes)
    note(session, TARGET, found.name, before=before, after=changes)
    return answers.body(shown(request, found))


@router.delete("/{endpoint}", dependencies=[allow(WRITE)])
def delete(endpoint: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.find(session, caller.workspace.id, endpoint)
    if found is None:
        return Response(status_code=204)
    service.delete(session, found)
    note(session, TARGET, endpoint)
    return Response(status_code=200)


@router.post("/{endpoint}/jobs", dependencies=[allow(jobs.WRITE)])
def invoke(
    endpoint: str,
    request: Request,
    sent: BodyDep,
    session: SessionDep,
    caller: CallerDep,
    deployment: DeploymentHeader = "",
) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    job = service.invoke(session, caller, found, batch_shapes.invocation_of(sent, deployment))
    note(session, "jobs", job.name, after={"batch_endpoint": endpoint})
    return answers.body(job_shown(request, endpoint, job), 201)


@mferp.get("/{endpoint}/jobs", dependencies=[allow(READ)])
@mferp.get("/{endpoint}/deployments/{deployment}/jobs", dependencies=[allow(READ)])
@router.get("/{endpoint}/jobs", dependencies=[allow(READ)])
@router.get("/{endpoint}/deployments/{deployment}/jobs", dependencies=[allow(READ)])
def invocations(
    endpoint: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    paging: PagingDep,
    deployment: str = "",
) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    rows = queries.jobs(session, found, deployment, number=paging.number, size=paging.size)
    return paging.answer(rows, lambda job: job_shown(request, endpoint, job))
