"""Registries as Azure's clients find, read and fill them.

Source: `_utils/_registry_utils.py` of azure-ai-ml: discovery, the assets below `/mferp/managementfrontend`, and
the import by which a workspace's asset is shared.
"""

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.access import queries as access
from app.access.caller import Caller, WorkspaceRef
from app.access.guard import CallerDep, allow
from app.dialects.arm import answers, components, data, environments, models
from app.dialects.arm.addressing import GROUP, PROVIDER
from app.dialects.arm.answers import BodyDep
from app.dialects.arm.assets import add_reads
from app.dialects.arm.cloud import address
from app.dialects.arm.variables import GROUP as ANY_GROUP
from app.dialects.arm.variables import SUBSCRIPTION
from app.dialects.arm.workspaces import LOCATION
from app.errors import Forbidden, Invalid, NotFound, Unsupported
from app.registries import queries
from app.registries.permissions import READ, SHARE
from app.sharing import routes as sharing
from app.sharing.schemas import Shared
from app.web.routing import include
from app.web.session import SessionDep

REGISTRY = f"/mferp/managementfrontend{GROUP}/providers/{PROVIDER}/registries/{{registry}}"
_SOURCE = re.compile(
    r"azureml://locations/[^/]+/workspaces/(?P<workspace>[^/]+)/(?P<kind>[a-z]+)/(?P<name>[^/]+)/versions/(?P<version>.+)"
)
router = APIRouter()


def _home(registry: str, session: SessionDep) -> int:
    return queries.get(session, registry).workspace_id


for _part in (data, models, components, environments):
    _router = APIRouter(prefix=f"{REGISTRY}/{_part.ASSETS.word}")
    add_reads(_router, _part.ASSETS, READ, _home)
    include(router, _router)


@router.get("/registrymanagement/v1.0/registries/{registry}/discovery", dependencies=[allow(READ)])
def discovery(registry: str, request: Request, session: SessionDep) -> JSONResponse:
    """Where a registry is: at this server."""
    found = queries.get(session, registry)
    region = found.location or LOCATION
    answer = {
        "registryName": found.name,
        "tenantId": "atelier",
        "primaryRegion": region,
        "regions": [region],
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": ANY_GROUP,
        "workspaceName": found.name,
        # Clients put the next part of the path right behind it.
        "primaryRegionResourceProviderUri": f"{address(request)}/",
    }
    return JSONResponse(answer)


@router.post(REGISTRY + "/import", dependencies=[allow(SHARE)])
def share(registry: str, sent: BodyDep, session: SessionDep, caller: CallerDep) -> Response:
    """Copy a version of a workspace's asset into the registry, under its own name or another."""
    asked = answers.properties_of(sent)
    source = _SOURCE.fullmatch(str(asked.get("sourceAssetId") or ""))
    if source is None:
        raise Invalid(
            "properties.sourceAssetId: write azureml://locations/L/workspaces/W/KIND/NAME/versions/V.",
            target="properties.sourceAssetId",
        )
    there = _in_workspace(session, caller, source["workspace"])
    new = Shared(
        name=source["name"],
        version=source["version"],
        share_with_name=asked.get("destinationName"),
        share_with_version=asked.get("destinationVersion"),
    )
    place = queries.get(session, registry)
    sharing.share_version(session, there, place, source["kind"], new)
    # Clients that get no body ask for the asset; they would upload it once more otherwise.
    return Response()


@router.put(REGISTRY + "/tempdatarefs/{name}/versions/{version}", dependencies=[allow(SHARE)])
def upload(registry: str, name: str) -> Response:
    """Raises Unsupported: what is in a registry came from a workspace."""
    raise Unsupported(
        f"Nothing is uploaded to a registry itself: make {name!r} in a workspace and share it to {registry!r}."
    )


def _in_workspace(session: Session, caller: Caller, named: str) -> Caller:
    """The caller in the workspace of an asset, by its id or name; raises NotFound and Forbidden as the guard does."""
    rows: list[Any] = [row for row in access.workspaces(session) if named in (str(row.id), row.name)]
    if not rows or not caller.user.actions_in(rows[0].id):
        raise NotFound(f"There is no workspace {named!r}, or it is not open to you.", target="properties.sourceAssetId")
    row = rows[0]
    there = Caller(caller.user, WorkspaceRef(row.id, row.name, row.display_name), caller.user.actions_in(row.id))
    if caller.user.workspace_id not in (None, row.id) or not there.can(SHARE.name):
        raise Forbidden(f"{caller.user.name} may not do {SHARE.name} in the workspace {row.name!r}.", target=SHARE.name)
    return there
