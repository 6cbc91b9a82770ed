"""Collects requests and answers in a process that scores, and writes them into data assets off the path of requests."""

import asyncio
import logging
import os
import random
import re
import socket
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from app.assets.addresses import stored_address
from app.data import service as data
from app.data.queries import DATA
from app.data.tables import DataVersion
from app.database import transaction
from app.endpoints.collecting import events
from app.endpoints.collecting.events import Collected
from app.endpoints.collecting.settings import Collection
from app.endpoints.gateway.asking import Answer, Ask
from app.endpoints.gateway.counters import Counters
from app.endpoints.gateway.routing import Route
from app.errors import AtelierError, NotFound
from app.kit.clock import until_next
from app.kit.storage import store

log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0
MOST_BYTES = 32 * 2**20
"""What waits to be written; what comes beyond is dropped and counted."""
CREATED_BY = "data collector"


class DataCollector:
    """Looks at each answer; one a process, belongs to one event loop."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._waiting: list[tuple[Route, Collected]] = []
        self._size = 0
        self._known: dict[tuple[int, Collection], str] = {}
        self._source = re.sub(r"\W", "_", f"{socket.gethostname()}_{os.getpid()}")

    def __call__(self, ask: Ask, answer: Answer) -> None:
        settings = ask.route.collecting.get(ask.deployment) if ask.route is not None else None
        if settings is None or ask.action == "swagger.json" or answer.status >= 400:
            return
        if random.random() >= settings.share:
            return
        found = Collected(
            at=time.time(),
            workspace=ask.workspace,
            endpoint=ask.endpoint,
            deployment=ask.deployment,
            request_id=ask.request_id,
            headers={name: given.decode("latin-1") for name in settings.headers if (given := _header(ask, name))},
            content_type=_header(ask, "content-type").decode("latin-1"),
            request=ask.body,
            answer_type=dict(answer.headers).get(b"content-type", b"").decode("latin-1"),
            answer=answer.body,
            by_script=ask.collected,
            settings=settings,
        )
        kept = self._size + found.size <= MOST_BYTES
        self._counters.collected(ask.workspace, ask.endpoint, ask.deployment, kept=kept)
        if kept:
            self._size += found.size
            self._waiting.append((ask.route, found))

    async def run(self) -> None:
        """For as long as the process lives."""
        while True:
            await asyncio.sleep(until_next(EVERY_SECONDS))
            await self.write()

    async def write(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if not waiting:
            return
        try:
            await asyncio.to_thread(self._append, waiting)
        except Exception:
            log.exception("%d collected requests are lost", len(waiting))

    def _append(self, waiting: Sequence[tuple[Route, Collected]]) -> None:
        files: dict[tuple[int, str, Collection], list[bytes]] = defaultdict(list)
        for route, found in waiting:
            folder = datetime.fromtimestamp(found.at, UTC).strftime(found.settings.rolled)
            for name, line in events.lines(found):
                files[route.workspace_id, folder, found.settings.collections[name]].append(line)
        for (workspace_id, folder, collection), lines in files.items():
            place = f"{collection.folder}/{folder}/{self._source}.jsonl"
            store().append(data.workspace_key(workspace_id, place), b"".join(lines))
            if self._known.get((workspace_id, collection)) != place:
                self._register(workspace_id, collection)
                self._known[workspace_id, collection] = place

    def _register(self, workspace_id: int, collection: Collection) -> None:
        """The folder is a data asset from its first file on; whenever a file begins, its size is told anew."""
        try:
            with transaction() as session:
                version = _version(session, workspace_id, collection)
                if version is not None:
                    key = data.workspace_key(workspace_id, collection.folder)
                    version.file_count, version.size_bytes = store().total_size(key)
                    return
                data.register(
                    session,
                    workspace_id,
                    collection.asset,
                    "uri_folder",
                    stored_address(collection.folder),
                    version=collection.version,
                    created_by=CREATED_BY,
                    description="What an online deployment was asked and answered, as lines of JSON.",
                )
        except AtelierError as error:
            log.warning("data asset %s is not registered: %s", collection.asset, error.message)


def _version(session: Session, workspace_id: int, collection: Collection) -> DataVersion | None:
    try:
        return DATA.get_version(session, workspace_id, collection.asset, collection.version)
    except NotFound:
        return None


def _header(ask: Ask, name: str) -> bytes:
    return ask.headers.get(name.encode("latin-1"), b"")
