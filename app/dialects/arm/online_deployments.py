"""Azure's calls about the deployments of online endpoints."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, code_files, online_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep
from app.dialects.arm.cloud import address
from app.endpoints import deploying, logs, queries, scaling, service
from app.endpoints.permissions import READ, WRITE
from app.endpoints.tables import OnlineDeployment
from app.errors import Invalid
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/onlineEndpoints/{endpoint}/deployments")
TARGET = "deployments"
MOST_LINES = 10_000


def _path(deployment: OnlineDeployment) -> str:
    return f"onlineEndpoints/{deployment.endpoint.name}/deployments/{deployment.name}"


def shown(request: Request, deployment: OnlineDeployment) -> dict:
    return answers.resource(
        request,
        _path(deployment),
        online_shapes.deployment(deployment, answers.workspace_id(request)),
        created_at=deployment.created_at,
        created_by=deployment.created_by,
        changed_at=deployment.updated_at,
        location=online_shapes.LOCATION,
        tags=deployment.tags,
        kind=online_shapes.compute_type(deployment),
        sku={"name": "Default", "capacity": deployment.instance_count},
    )


@router.get("", dependencies=[allow(READ)])
def deployments(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    return answers.body({"value": [shown(request, deployment) for deployment in found.deployments]})


@router.get("/{name}", dependencies=[allow(READ)])
def get(endpoint: str, name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return answers.body(shown(request, queries.get_deployment(session, caller.workspace.id, endpoint, name)))


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(
    endpoint: str, name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Make a deployment or change it; the client follows it by the operation until it serves or has failed."""
    found = queries.get(session, caller.workspace.id, endpoint)
    new = online_shapes.deployment_of(name, sent, lambda id: code_files.address_of(caller.workspace.id, id))
    made = deploying.deploy(session, found, new, created_by=caller.user.name)
    note(session, TARGET, f"{endpoint}/{name}", after={"model": new.model, "generation": made.generation})
    return _followed(request, made, 201 if made.generation == 1 else 200)


@router.patch("/{name}", dependencies=[allow(WRITE)])
def patch(
    endpoint: str, name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Change the number of instances, as `sku.capacity`, or the tags."""
    found = queries.get_deployment(session, caller.workspace.id, endpoint, name)
    changes = online_shapes.small_changes_of(sent)
    before = {field: getattr(found, field) for field in changes}
    if "instance_count" in changes:
        scaling.fix(session, found, changes["instance_count"])
    if "tags" in changes:
        service.describe(session, found, tags=changes["tags"])
    note(session, TARGET, f"{endpoint}/{name}", before=before, after=changes)
    return _followed(request, found, 200)


@router.get("/{name}/skus", dependencies=[allow(READ)])
def skus(endpoint: str, name: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """How many instances there may be."""
    queries.get_deployment(session, caller.workspace.id, endpoint, name)
    return answers.body({"value": [online_shapes.sku()]})


def _followed(request: Request, deployment: OnlineDeployment, status: int) -> JSONResponse:
    answer = answers.body(shown(request, deployment), status)
    where = f"{address(request)}{answers.workspace_id(request)}/{_path(deployment)}/operation"
    answer.headers["Azure-AsyncOperation"] = where
    answer.headers["Retry-After"] = "1"
    return answer


@router.get("/{name}/operation", dependencies=[allow(READ)])
def operation(endpoint: str, name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """How far it is, in a form that lets clients say why it failed."""
    found = queries.get_deployment(session, caller.workspace.id, endpoint, name)
    state = found.provisioning_state
    body = {"name": name, "status": state if state in ("Succeeded", "Failed") else "InProgress"}
    if state == "Failed":
        text = (found.error or "The scoring server did not start").rstrip(".")
        message = f"{text}. Its log has more: get_logs({name!r}, {endpoint!r}, lines=100)."
        body["error"] = {"code": "DeploymentFailed", "message": message, "target": name}
    return JSONResponse(body, headers={"Retry-After": "1"})


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(endpoint: str, name: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, endpoint)
    deployment = next((item for item in found.deployments if item.name == name), None)
    if deployment is None:
        return Response(status_code=204)
    service.delete_deployment(session, deployment)
    note(session, TARGET, f"{endpoint}/{name}")
    return Response(status_code=200)


@router.post("/{name}/getLogs", dependencies=[allow(READ)])
def read_logs(endpoint: str, name: str, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """The last `tail` lines that the first instance printed."""
    found = queries.get_deployment(session, caller.workspace.id, endpoint, name)
    tail = sent.get("tail") or MOST_LINES
    if not isinstance(tail, int) or tail < 1:
        raise Invalid(f"tail: {tail!r} is no number of lines from 1.", target="tail")
    text, _ = logs.read(found, 0, -logs.MOST)
    return answers.body({"content": "".join(text.splitlines(keepends=True)[-min(tail, MOST_LINES) :])})
