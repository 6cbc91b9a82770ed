"""Live hints: "look again at this channel". They carry no data, so losing one loses only time."""

import logging
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
PREFIX = "atelier:live:"
_client: redis.Redis | None = None
_silent_until = 0.0


def connect(redis_url: str) -> None:
    global _client
    _client = client(redis_url)


def client(redis_url: str) -> redis.Redis:
    """A client that says at once that nobody answers: what it is asked for is only a hint."""
    return redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


def hint(channel: str, kind: str) -> None:
    """Publish that `kind` changed on `channel`. Never raises: watchers also look by themselves."""
    global _silent_until
    if _client is None or time.monotonic() < _silent_until:
        return
    try:
        _client.publish(PREFIX + channel, kind)
    except redis.RedisError:
        # Ask a dead server once in two seconds, not once a write.
        _silent_until = time.monotonic() + 2
        log.warning("live hints are not delivered: Redis does not answer")
