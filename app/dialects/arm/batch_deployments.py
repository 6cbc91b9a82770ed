"""Azure's calls about the deployments of batch endpoints."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, batch_shapes, code_files, online_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep
from app.dialects.arm.wire import mapping
from app.endpoints.batch import queries, service
from app.endpoints.batch.tables import BatchDeployment
from app.endpoints.permissions import READ, WRITE
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/batchEndpoints/{endpoint}/deployments")
TARGET = "batch-deployments"


def shown(request: Request, deployment: BatchDeployment) -> dict:
    return answers.resource(
        request,
        f"batchEndpoints/{deployment.endpoint.name}/deployments/{deployment.name}",
        batch_shapes.deployment(deployment, answers.workspace_id(request)),
        created_at=deployment.created_at,
        created_by=deployment.created_by,
        changed_at=deployment.updated_at,
        location=online_shapes.LOCATION,
        tags=deployment.spec["tags"],
    )


@router.get("", dependencies=[allow(READ)])
def deployments(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    return answers.body({"value": [shown(request, deployment) for deployment in found.deployments]})


@router.get("/{name}", dependencies=[allow(READ)])
def get(endpoint: str, name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    return answers.body(shown(request, queries.deployment_of(found, name)))


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(
    endpoint: str, name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Make a deployment or change it."""
    found = queries.get(session, caller.workspace.id, endpoint)
    is_new = all(item.name != name for item in found.deployments)
    new = batch_shapes.deployment_of(name, sent, lambda id: code_files.address_of(caller.workspace.id, id))
    made = service.deploy(session, caller, found, new)
    note(session, TARGET, f"{endpoint}/{name}", after={"model": new.model, "component": new.component})
    return answers.done(request, shown(request, made), 201 if is_new else 200)


@router.patch("/{name}", dependencies=[allow(WRITE)])
def patch(
    endpoint: str, name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Change the description, properties or tags."""
    found = queries.deployment_of(queries.get(session, caller.workspace.id, endpoint), name)
    asked = mapping(sent, "properties", "body")
    said = {"description": asked.get("description"), "properties": asked.get("properties"), "tags": sent.get("tags")}
    changes = {key: value for key, value in said.items() if value is not None}
    before = {key: found.spec[key] for key in changes}
    service.describe(session, found, **changes)
    note(session, TARGET, f"{endpoint}/{name}", before=before, after=changes)
    return answers.body(shown(request, found))


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(endpoint: str, name: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, endpoint)
    deployment = next((item for item in found.deployments if item.name == name), None)
    if deployment is None:
        return Response(status_code=204)
    service.delete_deployment(session, deployment)
    note(session, TARGET, f"{endpoint}/{name}")
    return Response(status_code=200)
