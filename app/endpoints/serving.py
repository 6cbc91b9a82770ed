"""What the scoring path knows: routes in memory, read again when they change."""

import asyncio
import logging
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.access.tables import Workspace
from app.database import reading
from app.endpoints import autoscaling, compilation
from app.endpoints.collecting import settings as collecting
from app.endpoints.gateway import cross_origin
from app.endpoints.gateway.compiled import Compiled
from app.endpoints.gateway.routing import Route, RoutingTable, Upstream
from app.endpoints.permissions import KEYS
from app.endpoints.service import CHANNEL
from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint
from app.kit import crypto
from app.kit.clock import until_next
from app.web.watching import Watch

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


async def keep_routes(table: RoutingTable) -> None:
    """Follow the tables for as long as the process lives."""
    async with Watch(CHANNEL) as watch:
        while True:
            try:
                table.replace(await asyncio.to_thread(read_routes))
            except Exception:
                # The routes that are known still hold while the registry is away.
                log.exception("routes could not be read")
            await watch.changed(until_next(LOOK_SECONDS))


def read_routes() -> list[Route]:
    with reading() as session:
        found = session.execute(
            select(Workspace.name, OnlineEndpoint)
            .join(OnlineEndpoint, OnlineEndpoint.workspace_id == Workspace.id)
            .options(selectinload(OnlineEndpoint.deployments).selectinload(OnlineDeployment.instances))
        )
        return [_route(workspace, endpoint) for workspace, endpoint in found]


async def _may_score(workspace: str, token: str) -> bool:
    """Whether a bearer token of ours opens an endpoint of the token modes: it does for who may score by page."""
    return await asyncio.to_thread(_has_right, workspace, token)


def _has_right(workspace: str, token: str) -> bool:
    # Imported here: a gateway whose endpoints have keys needs nothing of tokens.
    from app.access import identity
    from app.access.caller import Caller

    who, place = identity.identify("token", token), identity.find_workspace(workspace)
    if who is None or place is None or who.workspace_id not in (None, place.id):
        return False
    return Caller(who, place, who.actions_in(place.id)).can(KEYS.name)


def _route(workspace: str, endpoint: OnlineEndpoint) -> Route:
    return Route(
        authorize=partial(_may_score, workspace),
        workspace=workspace,
        endpoint=endpoint.name,
        workspace_id=endpoint.workspace_id,
        endpoint_id=endpoint.id,
        auth_mode=endpoint.auth_mode,
        key_hashes=(bytes.fromhex(endpoint.primary_key_hash), bytes.fromhex(endpoint.secondary_key_hash)),
        traffic=dict(endpoint.traffic),
        mirror=dict(endpoint.mirror_traffic),
        traffic_before=dict(endpoint.traffic_before),
        rollback_rule=endpoint.rollback_rule,
        requests_per_minute=endpoint.requests_per_minute,
        deployments={item.name: tuple(_upstreams(item)) for item in endpoint.deployments},
        compiled={item.name: found for item in endpoint.deployments if (found := _compiled(item)) is not None},
        collecting={item.name: found for item in endpoint.deployments if (found := collecting.of(item)) is not None},
        wake_seconds={
            item.name: found for item in endpoint.deployments if (found := autoscaling.wake_seconds(item)) is not None
        },
        origins={item.name: found for item in endpoint.deployments if (found := cross_origin.allowed(item))},
        timeouts_ms={item.name: item.request_settings.get("request_timeout_ms", 5000) for item in endpoint.deployments},
    )


def _compiled(deployment: OnlineDeployment) -> Compiled | None:
    found = compilation.graph_of(deployment)
    if found is None:
        return None
    return Compiled(found["key"], found["bytes"], found["input"], found["output"])


def _upstreams(deployment: OnlineDeployment) -> list[Upstream]:
    return [_upstream(found) for found in deployment.instances if found.state == "Ready" and found.address]


def _upstream(instance: DeploymentInstance) -> Upstream:
    # The worker says with the address where a container scores.
    address, is_container, path = instance.address.partition("/")
    return Upstream(address, crypto.decrypt(instance.key), f"/{path}" if is_container else None)
