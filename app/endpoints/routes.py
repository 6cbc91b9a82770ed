"""REST for online endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow, note
from app.endpoints import containers, deploying, logs, queries, scaling, service, tokens
from app.endpoints.gateway.mirroring import COMPARISONS, Comparison
from app.endpoints.permissions import KEYS, READ, ROTATE, TOKEN, WRITE
from app.endpoints.schemas import (
    DeploymentCreate,
    DeploymentRead,
    DeploymentScale,
    EndpointChange,
    EndpointCreate,
    EndpointRead,
    EndpointRules,
    KeyRegenerate,
)
from app.endpoints.tables import OnlineDeployment
from app.web.addressing import url_for_workspace
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/online-endpoints", tags=["online endpoints"])


def address(request: Request, caller) -> str:
    """The workspace's address at the gateway, as clients reach it."""
    settings = request.app.state.settings
    return (settings.scoring_url or settings.url) + url_for_workspace(caller.workspace.name, "")


@router.get("", response_model=Listing[EndpointRead], dependencies=[allow(READ)])
def endpoints(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    sort: str = "name",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    found = queries.page(session, caller.workspace.id, text=text, sort=sort, number=page, size=size)
    value = [EndpointRead.of(endpoint, address(request, caller)) for endpoint in found.rows]
    return listing(found, value)


@router.post("", status_code=201, response_model=EndpointRead, dependencies=[allow(WRITE)])
def create(new: EndpointCreate, request: Request, session: SessionDep, caller: CallerDep) -> EndpointRead:
    said = new.model_dump(exclude={"traffic", "mirror_traffic"})
    endpoint = service.create(session, caller.workspace.id, created_by=caller.user.name, **said)
    shares = new.model_dump(include={"traffic", "mirror_traffic"}, exclude_none=True)
    service.change(session, endpoint, **shares)
    note(session, "online-endpoints", endpoint.name, after={"auth_mode": endpoint.auth_mode, **shares})
    return EndpointRead.of(endpoint, address(request, caller), new.warnings())


@router.get("/{endpoint}", response_model=EndpointRead, dependencies=[allow(READ)])
def read(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> EndpointRead:
    return EndpointRead.of(queries.get(session, caller.workspace.id, endpoint), address(request, caller))


@router.patch("/{endpoint}", response_model=EndpointRead, dependencies=[allow(WRITE)])
def change(
    endpoint: str, change: EndpointChange, request: Request, session: SessionDep, caller: CallerDep
) -> EndpointRead:
    """Change traffic, mirrored traffic, description, tags or properties."""
    found = queries.get(session, caller.workspace.id, endpoint)
    changes = change.model_dump(exclude_none=True)
    for field in ("name", "auth_mode"):
        service.check_same(found, field, changes.pop(field, None))
    before = {field: getattr(found, field) for field in changes}
    service.change(session, found, **changes)
    after = {field: getattr(found, field) for field in changes}
    note(session, "online-endpoints", endpoint, before=before, after=after)
    return EndpointRead.of(found, address(request, caller), change.warnings())


@router.post("/{endpoint}/roll-back", response_model=EndpointRead, dependencies=[allow(WRITE)])
def roll_back(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> EndpointRead:
    """Back to the traffic before its last change."""
    found = queries.get(session, caller.workspace.id, endpoint)
    before = {"traffic": found.traffic}
    service.roll_back(session, found)
    note(session, "online-endpoints", endpoint, before=before, after={"traffic": found.traffic})
    return EndpointRead.of(found, address(request, caller))


@router.put("/{endpoint}/rules", response_model=EndpointRead, dependencies=[allow(WRITE)])
def set_rules(
    endpoint: str, rules: EndpointRules, request: Request, session: SessionDep, caller: CallerDep
) -> EndpointRead:
    """Set both the rule that rolls a deployment on trial back, and the limit of requests a key."""
    found = queries.get(session, caller.workspace.id, endpoint)
    changes = rules.model_dump()
    before = {field: getattr(found, field) for field in changes}
    service.set_rules(session, found, **changes)
    note(session, "online-endpoints", endpoint, before=before, after=changes)
    return EndpointRead.of(found, address(request, caller))


@router.get("/{endpoint}/comparisons", dependencies=[allow(READ)])
def comparisons(endpoint: str, session: SessionDep, caller: CallerDep) -> dict[str, Comparison]:
    """What came of mirrored requests, by deployment."""
    found = queries.get(session, caller.workspace.id, endpoint)
    return COMPARISONS.of(caller.workspace.name, found.name)


@router.delete("/{endpoint}", status_code=204, dependencies=[allow(WRITE)])
def delete(endpoint: str, session: SessionDep, caller: CallerDep) -> Response:
    service.delete(session, queries.get(session, caller.workspace.id, endpoint))
    note(session, "online-endpoints", endpoint)
    return Response(status_code=204)


@router.get("/{endpoint}/keys", dependencies=[allow(KEYS)])
def keys(endpoint: str, session: SessionDep, caller: CallerDep) -> dict[str, str]:
    return service.keys(queries.get(session, caller.workspace.id, endpoint))


@router.post("/{endpoint}/token", dependencies=[allow(TOKEN)])
def token(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> dict:
    """A token of the caller's own, for an endpoint whose `auth_mode` is a token."""
    queries.get(session, caller.workspace.id, endpoint)
    note(session, "online-endpoints", endpoint)
    return tokens.of(caller, request.app.state.settings.url)


@router.post("/{endpoint}/keys", dependencies=[allow(ROTATE)])
def regenerate_key(endpoint: str, which: KeyRegenerate, session: SessionDep, caller: CallerDep) -> dict[str, str]:
    found = queries.get(session, caller.workspace.id, endpoint)
    note(session, "online-endpoints", endpoint, after={"key": which.key_type})
    return service.regenerate_key(session, found, which.key_type)


@router.get("/{endpoint}/deployments", response_model=list[DeploymentRead], dependencies=[allow(READ)])
def deployments(endpoint: str, session: SessionDep, caller: CallerDep) -> list[DeploymentRead]:
    found = queries.get(session, caller.workspace.id, endpoint)
    return [_read(session, deployment) for deployment in found.deployments]


@router.post("/{endpoint}/deployments", status_code=201, response_model=DeploymentRead, dependencies=[allow(WRITE)])
def deploy(endpoint: str, new: DeploymentCreate, session: SessionDep, caller: CallerDep) -> DeploymentRead:
    """Make a deployment, or change the one of that name without dropping a request."""
    found = queries.get(session, caller.workspace.id, endpoint)
    made = deploying.deploy(session, found, new, created_by=caller.user.name)
    note(session, "deployments", f"{endpoint}/{made.name}", after={"model": new.model, "generation": made.generation})
    return _read(session, made, [*new.warnings(), *containers.notes(session, made.environment)])


@router.get("/{endpoint}/deployments/{deployment}", response_model=DeploymentRead, dependencies=[allow(READ)])
def read_deployment(endpoint: str, deployment: str, session: SessionDep, caller: CallerDep) -> DeploymentRead:
    return _read(session, queries.get_deployment(session, caller.workspace.id, endpoint, deployment))


@router.patch("/{endpoint}/deployments/{deployment}", response_model=DeploymentRead, dependencies=[allow(WRITE)])
def scale(
    endpoint: str, deployment: str, change: DeploymentScale, session: SessionDep, caller: CallerDep
) -> DeploymentRead:
    """Change the number of instances, or the rule by which it follows the load; those that serve go on."""
    found = queries.get_deployment(session, caller.workspace.id, endpoint, deployment)
    changes = change.model_dump(exclude_none=True)
    before = {field: getattr(found, field) for field in changes}
    if change.scale_settings is not None:
        scaling.follow(session, found, changes["scale_settings"])
    if change.instance_count is not None:
        scaling.fix(session, found, change.instance_count)
    note(session, "deployments", f"{endpoint}/{deployment}", before=before, after=changes)
    return _read(session, found)


@router.delete("/{endpoint}/deployments/{deployment}", status_code=204, dependencies=[allow(WRITE)])
def delete_deployment(endpoint: str, deployment: str, session: SessionDep, caller: CallerDep) -> Response:
    service.delete_deployment(session, queries.get_deployment(session, caller.workspace.id, endpoint, deployment))
    note(session, "deployments", f"{endpoint}/{deployment}")
    return Response(status_code=204)


@router.get("/{endpoint}/deployments/{deployment}/logs", dependencies=[allow(READ)], response_class=Response)
def deployment_logs(
    endpoint: str, deployment: str, session: SessionDep, caller: CallerDep, instance: int = 0, offset: int = -100_000
) -> Response:
    """What the scoring server printed, from a byte offset on; a negative one counts from the end."""
    found = queries.get_deployment(session, caller.workspace.id, endpoint, deployment)
    text, after = logs.read(found, instance, offset)
    headers = {"X-Log-Offset": str(after), "X-Log-Final": "false"}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def _read(session, deployment: OnlineDeployment, warnings: list[str] = []) -> DeploymentRead:
    return DeploymentRead.of(deployment, list(queries.instances(session, deployment)), warnings)
