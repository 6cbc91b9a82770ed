"""Writes down what a process that scores has counted, off the path of requests."""

import asyncio
import logging
import time

from app.database import transaction
from app.endpoints.gateway.counters import Counters, Key
from app.endpoints.metrics import service
from app.endpoints.metrics.service import SHORTEST, Measured
from app.endpoints.metrics.tally import Tally, merge, of_figures

log = logging.getLogger(__name__)
MOST_PENDING = 20_000
"""How many tallies wait while the registry is away; beyond that the oldest are lost."""


class Recorder:
    """One a process; belongs to one event loop."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._pending: dict[tuple[Key, int], Tally] = {}

    async def run(self) -> None:
        """At the end of each stretch, for as long as the process lives."""
        while True:
            await asyncio.sleep(SHORTEST - time.time() % SHORTEST)
            # A stretch ends now: what was counted lies in it.
            await self.write(int(time.time()) - SHORTEST // 2)

    async def write(self, at: int) -> None:
        """Put down what was counted since the last time as of Unix time `at`; tried again later if that fails."""
        for key, figures in self._counters.take().items():
            self._pending[key, at] = merge(self._pending.get((key, at), {}), of_figures(figures))
        while len(self._pending) > MOST_PENDING:
            self._pending.pop(next(iter(self._pending)))
        if not self._pending:
            return
        try:
            await asyncio.to_thread(_write, dict(self._pending))
        except Exception:
            log.exception("metrics of deployments are not written; they will be with the next ones")
        else:
            self._pending.clear()


def _write(counted: dict[tuple[Key, int], Tally]) -> None:
    with transaction() as session:
        ids = service.endpoint_ids(session, (key[:2] for key, _ in counted))
        service.add(
            session,
            [Measured(ids[key[:2]], key[2], at, tally) for (key, at), tally in counted.items() if key[:2] in ids],
        )
