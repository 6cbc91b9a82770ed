"""Reads the access log of an endpoint backwards, the newest request first."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.endpoints.access_log import files
from app.endpoints.access_log.files import LogFile
from app.endpoints.tables import OnlineEndpoint
from app.errors import Invalid, NotFound
from app.kit.storage import store

MOST_LOOKED_AT = 50_000
"""Lines that one page reads; what lies before is on the next one."""


@dataclass(frozen=True)
class Filter:
    """`status` is a number, or its first digit as in `5xx`; an empty field narrows nothing."""

    deployment: str = ""
    status: str = ""
    request_id: str = ""

    def check(self) -> None:
        """Raises Invalid."""
        digits = self.status[:1] if self.status.endswith("xx") else self.status
        if self.status and not (digits.isdigit() and len(self.status) == 3):
            message = f"status: {self.status!r} is no status. Expected a number such as 503, or 4xx or 5xx."
            raise Invalid(message, target="status")

    def takes(self, line: dict[str, Any]) -> bool:
        if "dropped" in line:
            return not (self.deployment or self.status or self.request_id)
        if self.deployment and line["deployment"] != self.deployment:
            return False
        if self.status and not str(line["status"]).startswith(self.status.removesuffix("xx")):
            return False
        return not self.request_id or line["request_id"] == self.request_id


def page(endpoint: OnlineEndpoint, wanted: Filter, before: str = "", size: int = 50) -> tuple[list[dict], str | None]:
    """Up to `size` requests before a time, and the time before which the next ones are, None at the end."""
    wanted.check()
    found: list[dict] = []
    for looked_at, line in enumerate(backwards(endpoint, before), 1):
        if wanted.takes(line):
            found.append(line)
        if len(found) == size or looked_at == MOST_LOOKED_AT:
            return found, line["time"]
    return found, None


def backwards(endpoint: OnlineEndpoint, before: str = "") -> Iterator[dict[str, Any]]:
    """Each process wrote its lines in order; together they are merged as they are read."""
    by_source: dict[str, list[LogFile]] = defaultdict(list)
    for file in files.found(endpoint.workspace_id, endpoint.id):
        by_source[file.source].append(file)
    streams = [_lines(endpoint, many[::-1], before) for many in by_source.values()]
    return heapq.merge(*streams, key=lambda line: line["time"], reverse=True)


def _lines(endpoint: OnlineEndpoint, newest_first: Sequence[LogFile], before: str) -> Iterator[dict[str, Any]]:
    for file in newest_first:
        try:
            data = b"".join(store().read(files.key(endpoint.workspace_id, endpoint.id, file)))
        except NotFound:
            # It was the oldest one, and is deleted meanwhile.
            return
        for raw in reversed(data.splitlines()):
            line = orjson.loads(raw)
            if not before or line["time"] < before:
                yield line


def download(endpoint: OnlineEndpoint, wanted: Filter) -> Iterator[bytes]:
    """All that is kept, as JSON lines, the newest first."""
    return (orjson.dumps(line) + b"\n" for line in backwards(endpoint) if wanted.takes(line))
