"""Fans live hints out to the event streams of this process: one subscription, many watchers."""

import asyncio
import contextlib
import logging
from collections import defaultdict

import redis.asyncio as redis
from redis.exceptions import RedisError

from app.kit.live import PREFIX

log = logging.getLogger(__name__)
_watchers: "dict[str, set[Watch]]" = defaultdict(set)


class Watch:
    """Waits for hints on a channel: `async with Watch(channel) as watch: await watch.changed(2)`."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.event = asyncio.Event()
        self.kinds: set[str] = set()

    async def __aenter__(self) -> "Watch":
        _watchers[self.channel].add(self)
        return self

    async def __aexit__(self, *_) -> None:
        _watchers[self.channel].discard(self)
        if not _watchers[self.channel]:
            del _watchers[self.channel]

    async def changed(self, seconds: float) -> set[str]:
        """What was hinted since the last call; empty when nothing came within `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.event.wait(), seconds)
        self.event.clear()
        kinds, self.kinds = self.kinds, set()
        return kinds

    def wake(self, kind: str) -> None:
        self.kinds.add(kind)
        self.event.set()


async def listen(redis_url: str) -> None:
    """Pass hints on for as long as the process lives; a dead Redis is asked again each second."""
    while True:
        try:
            await _pass_on(redis_url)
        except (RedisError, OSError):
            log.warning("live hints are not received: Redis does not answer")
            await asyncio.sleep(1)


async def _pass_on(redis_url: str) -> None:
    async with redis.Redis.from_url(redis_url) as client, client.pubsub() as subscription:
        await subscription.psubscribe(PREFIX + "*")
        async for message in subscription.listen():
            if message["type"] == "pmessage":
                wake(message["channel"].decode().removeprefix(PREFIX), message["data"].decode())


def wake(channel: str, kind: str) -> None:
    for watch in _watchers.get(channel, ()):
        watch.wake(kind)
