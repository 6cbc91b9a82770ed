"""Which instances answer for an endpoint, and who may ask."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from app.endpoints.gateway.compiled import Compiled
from app.errors import NotFound, Unavailable

Authorize = Callable[[str], bool | Awaitable[bool]]
DEFAULT_TIMEOUT_MS = 5000
REMEMBERED_BYTES = 256


def _token(authorization: bytes) -> bytes:
    """Empty where there is none."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


@lru_cache(1024)
def _digest(authorization: bytes) -> bytes | None:
    token = _token(authorization)
    return hashlib.sha256(token).digest() if token else None


@dataclass(frozen=True)
class Upstream:
    """An instance that is ready: `address` is host:port, `key` what its server asks for.

    `path` is where the server of a custom container scores; it knows of no key.
    """

    address: str
    key: str = field(repr=False)
    path: str | None = None


@dataclass(frozen=True)
class Route:
    """`key_hashes` are SHA-256 digests; `traffic` is in percent; `deployments` holds ready instances only.

    `authorize` judges bearer tokens of the token modes. `compiled` models answer while no instance is ready, too.
    Deployments of `wake_seconds` may have no instance: a request waits so long for one.
    `collecting` says what of a deployment's requests is kept as data (see `app/endpoints/collecting/settings.py`).
    `origins` are those whose pages may ask a deployment, `*` for any.
    `mirror` is the share of requests, in percent, of which a deployment gets a copy.
    """

    workspace: str
    endpoint: str
    auth_mode: str
    key_hashes: tuple[bytes, ...]
    traffic: Mapping[str, int]
    deployments: Mapping[str, tuple[Upstream, ...]]
    timeouts_ms: Mapping[str, int] = field(default_factory=dict)
    authorize: Authorize | None = None
    compiled: Mapping[str, Compiled] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)
    traffic_before: Mapping[str, int] = field(default_factory=dict)
    rollback_rule: Mapping[str, float] | None = None
    requests_per_minute: int | None = None
    wake_seconds: Mapping[str, float] = field(default_factory=dict)
    workspace_id: int = 0
    endpoint_id: int = 0
    collecting: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def timeout_seconds(self, deployment: str) -> float:
        return self.timeouts_ms.get(deployment, DEFAULT_TIMEOUT_MS) / 1000

    def admits(self, authorization: bytes) -> bool | Awaitable[bool]:
        """Whether an Authorization header opens this endpoint; for keys it is known at once."""
        if self.auth_mode == "key":
            # However long it takes to tell two digests apart, that says nothing of a key to who can only send keys.
            digest = _digest if len(authorization) < REMEMBERED_BYTES else _digest.__wrapped__
            return digest(authorization) in self.key_hashes
        token = _token(authorization)
        if not token or self.authorize is None:
            return False
        return self.authorize(token.decode("latin-1"))

    def choose(self, asked: str | None) -> str:
        """The deployment that answers: the one asked for, or by traffic among those that are ready.

        Raises NotFound for a deployment that is not there, Unavailable where none can answer.
        """
        if asked is not None:
            if asked not in self.deployments:
                there = ", ".join(sorted(self.deployments)) or "none"
                raise NotFound(
                    f"Endpoint {self.endpoint!r} has no deployment {asked!r}. It has: {there}.",
                    target="azureml-model-deployment",
                )
            if not self._can_answer(asked):
                raise Unavailable(f"Deployment {asked!r} has no instance that is ready.")
            return asked
        if len(self.traffic) == 1:
            name, share = next(iter(self.traffic.items()))
            if share > 0 and self._can_answer(name):
                return name
        shares = {name: share for name, share in self.traffic.items() if share > 0}
        ready = {name: share for name, share in shares.items() if self._can_answer(name)}
        if not ready:
            raise Unavailable(f"Endpoint {self.endpoint!r}: {self._reason(shares)}")
        if len(ready) == 1:
            return next(iter(ready))
        return random.choices(list(ready), weights=list(ready.values()))[0]

    def _can_answer(self, name: str) -> bool:
        return bool(self.deployments.get(name)) or name in self.compiled or name in self.wake_seconds

    def _reason(self, shares: Mapping[str, int]) -> str:
        if not self.deployments:
            return "it has no deployment."
        if not shares:
            return "no deployment has traffic. Give one some, or name one in the header azureml-model-deployment."
        return "no instance is ready."


class RoutingTable:
    """Replaced as a whole, so that a reader never sees half of a change."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self._changed = asyncio.Event()
        self.version = 0

    def replace(self, routes: Iterable[Route]) -> None:
        self._routes = {(route.workspace, route.endpoint): route for route in routes}
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Returns when the routes have been read again."""
        await self._changed.wait()

    def put(self, route: Route) -> None:
        """Until the routes are read again."""
        self._routes[route.workspace, route.endpoint] = route

    def get(self, workspace: str, endpoint: str) -> Route | None:
        return self._routes.get((workspace, endpoint))

    def compiled(self) -> set[Compiled]:
        return {found for route in self._routes.values() for found in route.compiled.values()}

    def addresses(self) -> set[str]:
        return {
            upstream.address
            for route in self._routes.values()
            for upstreams in route.deployments.values()
            for upstream in upstreams
        }
