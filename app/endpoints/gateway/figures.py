"""What gateways have counted, put where the web process and a gateway's next life find it."""

import asyncio
import logging
import time

import orjson
import redis.asyncio as redis
from redis.exceptions import RedisError

from app.endpoints.gateway.counters import Counters, Figures
from app.endpoints.gateway.mirroring import Comparison, Comparisons
from app.kit.clock import until_next

log = logging.getLogger(__name__)
KEY = "atelier:scoring:2"
EVERY_SECONDS = 1.0
READ_SECONDS = 2.0
FORGOTTEN_SECONDS = 24 * 3600
"""A gateway that has said nothing for so long counts no more."""


async def publish(redis_url: str, name: str, counters: Counters, comparisons: Comparisons) -> None:
    """Tell each second what has been counted, for as long as the process lives; first read what `name` told before."""
    known = False
    told = (b"", b"")
    async with redis.Redis.from_url(redis_url) as client:
        while True:
            try:
                if not known:
                    counters.add(_parse(await client.hget(KEY, name)))
                    known = True
                figures = orjson.dumps(_plain(counters))
                compared = orjson.dumps([[*key, found] for key, found in comparisons.own().items()])
                if (figures, compared) != told:
                    said = b'{"at":%d,"figures":%b,"compared":%b}' % (time.time(), figures, compared)
                    await client.hset(KEY, name, said)
                    told = (figures, compared)
            except (RedisError, OSError):
                log.warning("figures are not told: Redis does not answer")
            await asyncio.sleep(until_next(EVERY_SECONDS))


async def follow(redis_url: str, counters: Counters, comparisons: Comparisons) -> None:
    """Keep `elsewhere` of both at what the gateways tell, for as long as the process lives."""
    async with redis.Redis.from_url(redis_url) as client:
        while True:
            try:
                found = await client.hgetall(KEY)
                counters.elsewhere = [_parse(told) for told in found.values()]
                comparisons.elsewhere = [_parse_compared(told) for told in found.values()]
            except (RedisError, OSError):
                log.debug("figures of gateways are not read: Redis does not answer")
            await asyncio.sleep(until_next(READ_SECONDS))


def _plain(counters: Counters) -> list:
    return [
        [*key, {**vars(found), "statuses": _words(found.statuses), "batches": _words(found.batches)}]
        for key, found in counters.own().items()
    ]


def _words(counts: dict[int, int]) -> dict[str, int]:
    return {str(number): count for number, count in counts.items()}


def _numbers(counts: dict[str, int]) -> dict[int, int]:
    return {int(number): count for number, count in counts.items()}


def _parse(told: bytes | None) -> dict[tuple[str, str, str], Figures]:
    if told is None:
        return {}
    found = orjson.loads(told)
    if time.time() - found["at"] > FORGOTTEN_SECONDS:
        return {}
    return {
        (workspace, endpoint, deployment): Figures(
            **{**figures, "statuses": _numbers(figures["statuses"]), "batches": _numbers(figures["batches"])}
        )
        for workspace, endpoint, deployment, figures in found["figures"]
    }


def _parse_compared(told: bytes) -> dict[tuple[str, str, str], Comparison]:
    found = orjson.loads(told)
    if time.time() - found["at"] > FORGOTTEN_SECONDS:
        return {}
    return {
        (workspace, endpoint, deployment): Comparison(**comparison)
        for workspace, endpoint, deployment, comparison in found.get("compared", ())
    }
