"""How many requests each deployment has at its instances or waiting for one, as gateways tell it to who scales."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

import orjson
import redis
import redis.asyncio
from redis.exceptions import RedisError

from app.endpoints.gateway.counters import Key

log = logging.getLogger(__name__)
KEY = "atelier:load"
EVERY_SECONDS = 0.5
SILENT_SECONDS = 5.0
"""A gateway that has said nothing for so long has no requests."""
FORGOTTEN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Flow:
    """`in_flight` is a mean number of requests, `per_second` how many ended."""

    in_flight: float = 0.0
    per_second: float = 0.0

    def __add__(self, other: "Flow") -> "Flow":
        return Flow(self.in_flight + other.in_flight, self.per_second + other.per_second)

    @property
    def seconds(self) -> float:
        """How long a request takes, by Little's law; 0 while none has ended."""
        return self.in_flight / self.per_second if self.per_second else 0.0


@dataclass(slots=True)
class _Busy:
    in_flight: int = 0
    ended: int = 0
    request_seconds: float = 0.0
    changed: float = field(default_factory=time.monotonic)

    def add(self, count: int, at: float) -> None:
        self.request_seconds += self.in_flight * (at - self.changed)
        self.in_flight, self.changed = self.in_flight + count, at


class Load:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._busy: dict[Key, _Busy] = {}
        self._looked = time.monotonic()
        self.entered = asyncio.Event()

    def enter(self, key: Key) -> None:
        self.entered.set()
        (self._busy.get(key) or self._busy.setdefault(key, _Busy())).add(1, time.monotonic())

    async def begin(self) -> None:
        """Wait for a request, from which on the next means count."""
        await self.entered.wait()
        self._looked = time.monotonic()

    def leave(self, key: Key) -> None:
        busy = self._busy[key]
        busy.add(-1, time.monotonic())
        busy.ended += 1

    def means(self) -> dict[Key, Flow]:
        """What there was since the last call, of deployments that had any requests."""
        at = time.monotonic()
        passed, self._looked = max(at - self._looked, 1e-9), at
        found = {}
        for key, busy in list(self._busy.items()):
            busy.add(0, at)
            if busy.request_seconds:
                found[key] = Flow(busy.request_seconds / passed, busy.ended / passed)
            elif not busy.in_flight:
                del self._busy[key]
            busy.request_seconds, busy.ended = 0.0, 0
        return found


LOAD = Load()


async def publish(redis_url: str, name: str, load: Load = LOAD) -> None:
    """Tell what `load` is, for as long as the process lives; nothing is said while there is none."""
    silent = False
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        while True:
            load.entered.clear()
            means = load.means()
            if means or not silent:
                try:
                    said = {
                        "at": time.time(),
                        "load": [[*key, flow.in_flight, flow.per_second] for key, flow in means.items()],
                    }
                    await client.hset(KEY, name, orjson.dumps(said))
                    silent = not means
                except (RedisError, OSError):
                    log.warning("load is not told: Redis does not answer")
            if silent:
                await load.begin()
            await asyncio.sleep(EVERY_SECONDS)


def read(client: redis.Redis) -> dict[Key, Flow]:
    """The requests of each deployment, of all gateways. Raises RedisError."""
    found: dict[Key, Flow] = {}
    for name, said in client.hgetall(KEY).items():
        told = orjson.loads(said)
        silent = time.time() - told["at"]
        if silent > FORGOTTEN_SECONDS:
            client.hdel(KEY, name)
        elif silent < SILENT_SECONDS:
            for workspace, endpoint, deployment, *flow in told["load"]:
                key = (workspace, endpoint, deployment)
                found[key] = found.get(key, Flow()) + Flow(*flow)
    return found
