"""Registries as Azure's clients find, read and fill them.

Source: `_utils/_registry_utils.py` of azure-ai-ml: discovery, the assets below `/mferp/managementfrontend`, and
the import by which a workspace's asset is shared.
"""

import re
from typing import Any

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.access import queries as access
from app.access.caller import Caller, WorkspaceRef
from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, components, data, environments, models, registry_writes
from app.dialects.arm.addressing import GROUP, PROVIDER, REGISTRY_MANAGEMENT
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.assets import add_reads
from app.dialects.arm.cloud import address
from app.dialects.arm.variables import GROUP as ANY_GROUP
from app.dialects.arm.variables import SUBSCRIPTION
from app.dialects.arm.wire import mapping, said
from app.dialects.arm.workspaces import LOCATION
from app.environments import curated
from app.errors import Forbidden, Invalid, NotFound
from app.registries import definition, queries
from app.registries.permissions import MANAGE, READ, SHARE
from app.registries.tables import Registry
from app.sharing import routes as sharing
from app.sharing import service
from app.sharing.schemas import Shared
from app.sharing.service import CURATED
from app.web.routing import include
from app.web.session import SessionDep

REGISTRIES = f"{GROUP}/providers/{PROVIDER}/registries"
REGISTRY = f"/mferp/managementfrontend{GROUP}/providers/{PROVIDER}/registries/{{registry}}"
_SOURCE = re.compile(
    r"azureml://locations/[^/]+/workspaces/(?P<workspace>[^/]+)/(?P<kind>[a-z]+)/(?P<name>[^/]+)/versions/(?P<version>.+)"
)
NOWHERE = 0
router = APIRouter()


def _home(registry: str, session: SessionDep) -> int:
    """The workspace in which its assets lie; the registry of curated environments has none."""
    return NOWHERE if registry == CURATED else queries.get(session, registry).workspace_id


@router.get(f"{REGISTRY.replace('{registry}', CURATED)}/environments", dependencies=[allow(READ)])
def curated_environments(request: Request) -> JSONResponse:
    request.path_params["registry"] = CURATED
    return JSONResponse({"value": [environments.curated_container(request, name) for name in curated.environments()]})


for _part in (data, models, components, environments):
    _router = APIRouter(prefix=f"{REGISTRY}/{_part.ASSETS.word}")
    add_reads(_router, _part.ASSETS, READ, _home)
    include(router, _router)
include(router, registry_writes.writes(REGISTRY))


@router.get(REGISTRY_MANAGEMENT + "/{registry}/discovery", dependencies=[allow(READ)])
def discovery(registry: str, request: Request, session: SessionDep) -> JSONResponse:
    """Where a registry is: at this server."""
    region = LOCATION if registry == CURATED else queries.get(session, registry).location or LOCATION
    answer = {
        "registryName": registry,
        "tenantId": "atelier",
        "primaryRegion": region,
        "regions": [region],
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": ANY_GROUP,
        "workspaceName": registry,
        # Clients put the next part of the path right behind it.
        "primaryRegionResourceProviderUri": f"{address(request)}/",
    }
    return JSONResponse(answer)


def _shown(request: Request, found: Registry) -> dict:
    group = request.url.path.partition("/providers/")[0]
    region = found.location or LOCATION
    return {
        "id": f"{group}/providers/{PROVIDER}/registries/{found.name}",
        "name": found.name,
        "type": f"{PROVIDER}/registries",
        "location": region,
        "tags": found.tags,
        "properties": {
            "description": found.description,
            "discoveryUrl": f"{address(request)}{REGISTRY_MANAGEMENT}/{found.name}/discovery",
            "publicNetworkAccess": "Enabled",
            "regionDetails": [{"location": region}],
        },
    }


@router.get(REGISTRIES, dependencies=[allow(READ)])
def registries(request: Request, session: SessionDep, paging: PagingDep) -> JSONResponse:
    found = queries.page(session, number=paging.number, size=paging.size)
    return paging.answer(found, lambda row: _shown(request, row))


@router.get(REGISTRIES + "/{registry}", dependencies=[allow(READ)])
def get(registry: str, request: Request, session: SessionDep) -> JSONResponse:
    return JSONResponse(_shown(request, queries.get(session, registry)))


@router.put(REGISTRIES + "/{registry}", dependencies=[allow(MANAGE)])
def put(registry: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Make a registry, or change what is said about the one of that name."""
    present = queries.find(session, registry)
    file = {"name": registry, "location": sent.get("location"), "tags": sent.get("tags") or {}}
    file["description"] = mapping(sent, "properties", "body").get("description") or (present and present.description)
    file["requires_approval"] = bool(present and present.requires_approval)
    wanted = definition.read(yaml.safe_dump(said(file)))
    made = service.create(session, wanted, created_by=caller.user.name)
    note(session, "registries", made.name, after={"description": made.description, "location": made.location})
    return JSONResponse(_shown(request, made), 200 if present else 201)


@router.delete(REGISTRIES + "/{registry}", dependencies=[allow(MANAGE)])
def delete(registry: str, session: SessionDep) -> Response:
    """Delete a registry with all that is in it."""
    note(session, "registries", registry)
    service.delete(session, queries.get(session, registry))
    return Response(status_code=200)


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
