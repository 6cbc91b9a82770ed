"""Scores on the event loop itself: to hand a request to a thread takes longer than a quick model does."""

import asyncio
from collections import deque
from collections.abc import Callable

from .batching import MOST_REQUESTS
from .wire import Request, Response

QUICK_SECONDS = 0.005
"""For so long at most the loop does nothing else, on the average."""

Work = Callable[[list[Request]], list[Response]]
Done = Callable[[Response], None]


class Inline:
    """Belongs to one event loop. What one look at the sockets brings is one batch, and nothing waits for more.

    As long as requests come one by one they do not even wait for the end of the look.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[tuple[Request, Done]] = deque()
        self._is_due = False
        self._comes_singly = True
        self._seconds: float | None = None

    def learn(self, seconds: float) -> None:
        """Of one call, wherever it was made. One that took much longer says more of the machine than of the model."""
        known = self._seconds
        self._seconds = seconds if known is None else known + 0.1 * (min(seconds, 2 * known) - known)

    @property
    def is_quick(self) -> bool:
        return self._seconds is not None and self._seconds < QUICK_SECONDS

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def submit(self, request: Request, done: Done) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._flush)
            if self._comes_singly:
                self._score([(request, done)])
                return
        self._waiting.append((request, done))

    def _flush(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_REQUESTS))]
        self._comes_singly = len(batch) < 2
        self._is_due = bool(self._waiting)
        if self._is_due:
            asyncio.get_running_loop().call_soon(self._flush)
        if batch:
            self._score(batch)

    def _score(self, batch: list[tuple[Request, Done]]) -> None:
        for (_, done), response in zip(batch, self._work([request for request, _ in batch]), strict=True):
            done(response)
