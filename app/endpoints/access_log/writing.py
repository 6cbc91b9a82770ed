"""Writes down each request in a process that scores, off the path of requests."""

import asyncio
import hashlib
import logging
import os
import re
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from app.endpoints.access_log import files
from app.endpoints.access_log.files import LogFile
from app.endpoints.gateway.asking import Answer, Ask
from app.endpoints.gateway.routing import Route
from app.kit.clock import until_next
from app.kit.storage import store

log = logging.getLogger(__name__)
EVERY_SECONDS = 1.0
MOST_LINES = 2000
"""In each of these stretches; twice as many where they are errors. What comes beyond is counted, not written."""
KEYS = ("primary", "secondary")


class Seen(NamedTuple):
    """Of one request, what its line is made of; `authorization` is only looked at to name the key."""

    at: float
    route: Route
    deployment: str | None
    request_id: str
    action: str
    status: int
    seconds: float
    waited: float | None
    request_bytes: int
    response_bytes: int
    authorization: bytes


@dataclass
class _Open:
    file: LogFile
    size: int = 0


@dataclass
class _Waiting:
    lines: list[Seen] = field(default_factory=list)
    dropped: int = 0


class AccessLog:
    """Looks at each answer; one a process, belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._open: dict[int, _Open] = {}
        self._source = re.sub(r"\W", "_", f"{socket.gethostname()}_{os.getpid()}")

    def __call__(self, ask: Ask, answer: Answer) -> None:
        route = ask.route
        if route is None:
            return
        waiting = self._waiting.get(route.endpoint_id) or self._waiting.setdefault(route.endpoint_id, _Waiting())
        if len(waiting.lines) >= (MOST_LINES if answer.status < 400 else 2 * MOST_LINES):
            waiting.dropped += 1
            return
        waiting.lines.append(
            Seen(
                time.time(),
                route,
                ask.deployment,
                ask.request_id,
                ask.action,
                answer.status,
                time.perf_counter() - ask.started,
                ask.waited,
                len(ask.body),
                len(answer.body),
                ask.headers.get(b"authorization", b""),
            )
        )

    async def run(self) -> None:
        """For as long as the process lives."""
        while True:
            await asyncio.sleep(until_next(EVERY_SECONDS))
            await self.write()

    async def write(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for endpoint_id, found in waiting.items():
            try:
                await asyncio.to_thread(self._append, endpoint_id, found)
            except Exception:
                log.exception("%d lines of an access log are lost", len(found.lines))

    def _append(self, endpoint_id: int, waiting: _Waiting) -> None:
        route = waiting.lines[-1].route
        lines = [_line(seen) for seen in waiting.lines]
        if waiting.dropped:
            lines.append({"time": _time(waiting.lines[-1].at), "dropped": waiting.dropped})
        data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        current = self._current(route, int(waiting.lines[0].at * 1000))
        store().append(files.key(route.workspace_id, endpoint_id, current.file), data)
        current.size += len(data)

    def _current(self, route: Route, moment: int) -> _Open:
        known = self._open.get(route.endpoint_id)
        is_full = known is not None and known.size > files.FILE_BYTES
        if known is None or is_full or moment - known.file.began > files.FILE_SECONDS * 1000:
            files.trim(route.workspace_id, route.endpoint_id, moment)
            known = self._open[route.endpoint_id] = _Open(LogFile(moment, self._source, 0))
        return known


def _line(seen: Seen) -> dict[str, Any]:
    return {
        "time": _time(seen.at),
        "request_id": seen.request_id,
        "deployment": seen.deployment,
        "action": seen.action,
        "status": seen.status,
        "milliseconds": round(seen.seconds * 1000, 3),
        "waited_milliseconds": None if seen.waited is None else round(seen.waited * 1000, 3),
        "request_bytes": seen.request_bytes,
        "response_bytes": seen.response_bytes,
        "key": _key_name(seen),
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _key_name(seen: Seen) -> str | None:
    """Which key it was, never the key; None where none opened the endpoint."""
    scheme, _, given = seen.authorization.partition(b" ")
    if seen.status == 401 or scheme.lower() != b"bearer":
        return None
    digest = hashlib.sha256(given.strip()).digest()
    named = (name for name, known in zip(KEYS, seen.route.key_hashes, strict=False) if known == digest)
    return next(named, "token")
