"""Workspaces as Azure's clients see them. Every subscription and resource group holds the same ones."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.access import queries
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ, PUBLIC
from app.access.tables import Workspace
from app.dialects.arm import answers
from app.dialects.arm.addressing import GROUP, PROVIDER, TRACKING, WORKSPACE, WORKSPACES
from app.dialects.arm.answers import BodyDep
from app.dialects.arm.cloud import address
from app.dialects.arm.wire import mapping
from app.errors import NotFound, Unsupported
from app.web.addressing import DEFAULT
from app.web.session import SessionDep
from app.workspaces import service
from app.workspaces.permissions import READ, WRITE

router = APIRouter()
LOCATION = "local"
IN_SUBSCRIPTION = "/subscriptions/{subscription}/providers/" + PROVIDER + "/workspaces"


def _shown(request: Request, group: str, found: Workspace) -> dict:
    base = address(request)
    place = f"{group}/providers/{PROVIDER}/workspaces/{found.name}"
    return {
        "id": place,
        "name": found.name,
        "type": f"{PROVIDER}/workspaces",
        "location": LOCATION,
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "tags": {},
        "identity": {"type": "SystemAssigned", "principalId": "", "tenantId": ""},
        "properties": {
            "friendlyName": found.display_name,
            "description": found.description,
            "workspaceId": str(found.id),
            "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/{found.name}",
            "discoveryUrl": f"{base}/discovery",
            "mlFlowTrackingUri": f"{base}{TRACKING}{place}",
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "hbiWorkspace": False,
        },
    }


def _visible(session: Session, caller: Caller) -> list[Workspace]:
    return [found for found in queries.workspaces(session) if caller.user.actions_in(found.id)]


@router.get(GROUP, dependencies=[allow(OWN_ACCOUNT_READ)])
def resource_group(subscription: str, group: str) -> JSONResponse:
    """Every group is there; clients make workspaces where it is."""
    place = f"/subscriptions/{subscription}/resourceGroups/{group}"
    shown = {"id": place, "name": group, "type": "Microsoft.Resources/resourceGroups", "location": LOCATION}
    return JSONResponse(shown | {"properties": {"provisioningState": "Succeeded"}})


@router.get(WORKSPACES, dependencies=[allow(OWN_ACCOUNT_READ)])
def in_group(
    subscription: str, group: str, request: Request, session: SessionDep, caller: CallerDep, kind: str = DEFAULT
) -> JSONResponse:
    """Those in which the caller may do anything; there are none of other kinds, such as hubs."""
    place = f"/subscriptions/{subscription}/resourceGroups/{group}"
    found = _visible(session, caller) if DEFAULT in kind.lower().split(",") else []
    return JSONResponse({"value": [_shown(request, place, row) for row in found]})


@router.get(IN_SUBSCRIPTION, dependencies=[allow(OWN_ACCOUNT_READ)])
def in_subscription(
    subscription: str, request: Request, session: SessionDep, caller: CallerDep, kind: str = DEFAULT
) -> JSONResponse:
    return in_group(subscription, "atelier", request, session, caller, kind)


@router.put(GROUP + "/providers/Microsoft.Resources/deployments/{deployment}", dependencies=[allow(WRITE)])
def deploy(
    subscription: str, group: str, deployment: str, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Make the workspace that the parameters of a template describe; raises Unsupported for other kinds, as hubs."""
    given = mapping(mapping(sent, "properties", "body"), "parameters")
    asked = {name: mapping(given, name, "properties.parameters").get("value") for name in given}
    if str(asked.get("kind") or DEFAULT).lower() != DEFAULT:
        raise Unsupported(f"kind: Atelier has workspaces, and none of the kind {asked['kind']!r}.", target="kind")
    name = str(asked.get("workspaceName") or "")
    display_name, description = str(asked.get("friendlyName") or ""), str(asked.get("description") or "")
    made = service.create(session, name, display_name, description, created_by=caller.user.name)
    note(session, "workspaces", made.name, after={"display_name": display_name, "description": description})
    place = f"/subscriptions/{subscription}/resourceGroups/{group}"
    shown = {"id": f"{place}/providers/Microsoft.Resources/deployments/{deployment}", "name": deployment}
    properties = {"provisioningState": "Succeeded", "mode": "Incremental", "duration": "PT1S"}
    return JSONResponse(shown | {"properties": properties}, 201)


@router.get(GROUP + "/deployments/{deployment}/operations", dependencies=[allow(OWN_ACCOUNT_READ)])
def deployed() -> JSONResponse:
    """What a deployment does: nothing any more."""
    return JSONResponse({"value": []})


@router.get(WORKSPACE, dependencies=[allow(READ)])
def get(
    subscription: str, group: str, workspace: str, request: Request, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    found = _found(session, caller, workspace)
    return JSONResponse(_shown(request, f"/subscriptions/{subscription}/resourceGroups/{group}", found))


@router.patch(WORKSPACE, dependencies=[allow(WRITE)])
def change(
    subscription: str,
    group: str,
    workspace: str,
    request: Request,
    sent: BodyDep,
    session: SessionDep,
    caller: CallerDep,
) -> JSONResponse:
    """Change what is said of a workspace."""
    found = _found(session, caller, workspace)
    asked = mapping(sent, "properties", "body")
    before = {"display_name": found.display_name, "description": found.description}
    service.describe(session, found, asked.get("description"), asked.get("friendlyName"))
    after = {"display_name": found.display_name, "description": found.description}
    note(session, "workspaces", workspace, before=before, after=after)
    return JSONResponse(_shown(request, f"/subscriptions/{subscription}/resourceGroups/{group}", found))


@router.delete(WORKSPACE, dependencies=[allow(WRITE)])
def delete(workspace: str, session: SessionDep, caller: CallerDep) -> Response:
    """With all that it holds, as Azure ML deletes workspaces; raises Conflict while something of it is at work."""
    found = _found(session, caller, workspace)
    note(session, "workspaces", workspace, before={"display_name": found.display_name}, after={"deleted": True})
    service.delete(session, found, all_resources=True)
    return Response(status_code=200)


def _found(session: Session, caller: Caller, name: str) -> Workspace:
    found = next((row for row in _visible(session, caller) if row.name == name), None)
    if found is None:
        raise NotFound(f"There is no workspace {name!r}.", target="workspace")
    return found


@router.get("/discovery", dependencies=[allow(PUBLIC)])
@router.get("/discovery/workspaces/{workspace}", dependencies=[allow(PUBLIC)])
def discovery(request: Request) -> JSONResponse:
    """Where the services of a workspace are: all at this server. Clients ask without a token."""
    base = address(request)
    return JSONResponse(dict.fromkeys(("api", "history", "catalog", "studio", "mlflow", "executiongraph"), base))


@router.get(f"{WORKSPACE}/{answers.DONE}", dependencies=[allow(READ)])
def done() -> JSONResponse:
    """The operation that all calls name which were over when they were answered."""
    return JSONResponse({"name": "done", "status": "Succeeded"})
