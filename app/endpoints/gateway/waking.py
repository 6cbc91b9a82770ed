"""Requests that meet a deployment that is scaled to zero: they wait for its first instance."""

import asyncio

from app.endpoints.gateway.routing import Route, RoutingTable
from app.errors import Unavailable

MOST_REQUESTS = 200
MOST_BYTES = 64 * 2**20


class Waking:
    """Belongs to one event loop. What waits is bounded: by number, bytes and time."""

    def __init__(self, table: RoutingTable) -> None:
        self._table = table
        self._requests = 0
        self._bytes = 0

    async def route(self, route: Route, deployment: str, size: int) -> Route:
        """The route once the deployment has an instance; `size` is that of the body in bytes.

        Raises Unavailable for a deployment that is not woken, where too much waits, and when it takes too long.
        """
        seconds = route.wake_seconds.get(deployment)
        if seconds is None:
            raise Unavailable(f"Deployment {deployment!r} has no instance that is ready.")
        if self._requests >= MOST_REQUESTS or self._bytes + size > MOST_BYTES:
            raise Unavailable(f"Deployment {deployment!r} is being started, and too many requests wait for it already.")
        self._requests, self._bytes = self._requests + 1, self._bytes + size
        try:
            async with asyncio.timeout(seconds):
                return await self._awake(route, deployment)
        except TimeoutError:
            raise Unavailable(f"Deployment {deployment!r} was not started within {seconds:g} s.") from None
        finally:
            self._requests, self._bytes = self._requests - 1, self._bytes - size

    async def _awake(self, route: Route, deployment: str) -> Route:
        while True:
            found = self._table.get(route.workspace, route.endpoint)
            if found is not None and found.deployments.get(deployment):
                return found
            if found is None or deployment not in found.wake_seconds:
                raise Unavailable(f"Deployment {deployment!r} has no instance that is ready.")
            await self._table.changed()
