"""Live hints: "look again at this channel". They carry no data, so losing one loses only time."""

import logging
import threading
import time
from collections.abc import Iterable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
PREFIX = "atelier:live:"
REST_SECONDS = 0.02
"""What a thousand writers a second say of one run reaches its watchers fifty times."""
SILENT_SECONDS = 2
"""How long a server that does not answer is left alone."""
_client: redis.Redis | None = None


def connect(redis_url: str) -> None:
    global _client
    _client = client(redis_url)


def client(redis_url: str) -> redis.Redis:
    """A client that says at once that nobody answers: what it is asked for is only a hint."""
    return redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


def hint(channel: str, kind: str) -> None:
    """Have it published that `kind` changed on `channel`. Never waits nor raises: watchers also look by themselves."""
    if _client is not None:
        _publisher.add(channel, kind)


class _Publisher:
    """One thread tells Redis, so that no writer waits for it; what is said again meanwhile goes out once."""

    def __init__(self) -> None:
        self._hints: dict[tuple[str, str], None] = {}
        self._lock = threading.Lock()
        self._added = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, channel: str, kind: str) -> None:
        with self._lock:
            self._hints[channel, kind] = None
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live-hints", daemon=True)
                self._thread.start()
        self._added.set()

    def _run(self) -> None:
        while True:
            self._added.wait()
            self._added.clear()
            with self._lock:
                hints, self._hints = self._hints, {}
            time.sleep(self._publish(hints))

    def _publish(self, hints: Iterable[tuple[str, str]]) -> float:
        """The seconds to rest before the next."""
        try:
            with _client.pipeline(transaction=False) as pipeline:
                for channel, kind in hints:
                    pipeline.publish(PREFIX + channel, kind)
                pipeline.execute()
        except redis.RedisError:
            log.warning("live hints are not delivered: Redis does not answer")
            return SILENT_SECONDS
        return REST_SECONDS


_publisher = _Publisher()
