"""Workspaces as Azure's clients see them. Every subscription and resource group holds the same ones."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.access import queries
from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.access.permissions import OWN_ACCOUNT_READ, PUBLIC
from app.access.tables import Workspace
from app.dialects.arm import answers
from app.dialects.arm.addressing import PROVIDER, WORKSPACE, WORKSPACES
from app.dialects.arm.cloud import address
from app.errors import NotFound
from app.web.addressing import DEFAULT
from app.web.session import SessionDep
from app.workspaces.permissions import READ

router = APIRouter()
LOCATION = "local"
IN_SUBSCRIPTION = "/subscriptions/{subscription}/providers/" + PROVIDER + "/workspaces"


def _shown(request: Request, group: str, found: Workspace) -> dict:
    base = address(request)
    mlflow = base if found.name == DEFAULT else f"{base}/w/{found.name}"
    return {
        "id": f"{group}/providers/{PROVIDER}/workspaces/{found.name}",
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
            "mlFlowTrackingUri": mlflow,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "hbiWorkspace": False,
        },
    }


def _visible(session: Session, caller: Caller) -> list[Workspace]:
    return [found for found in queries.workspaces(session) if caller.user.actions_in(found.id)]


@router.get(WORKSPACES, dependencies=[allow(OWN_ACCOUNT_READ)])
def in_group(subscription: str, group: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Those in which the caller may do anything."""
    place = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return JSONResponse({"value": [_shown(request, place, found) for found in _visible(session, caller)]})


@router.get(IN_SUBSCRIPTION, dependencies=[allow(OWN_ACCOUNT_READ)])
def in_subscription(subscription: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return in_group(subscription, "atelier", request, session, caller)


@router.get(WORKSPACE, dependencies=[allow(READ)])
def get(
    subscription: str, group: str, workspace: str, request: Request, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    found = next((row for row in _visible(session, caller) if row.name == workspace), None)
    if found is None:
        raise NotFound(f"There is no workspace {workspace!r}.", target="workspace")
    return JSONResponse(_shown(request, f"/subscriptions/{subscription}/resourceGroups/{group}", found))


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
