"""Mirrored traffic: copies of requests for a deployment on trial, whose answers are compared and go nowhere."""

import math
import random
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from app.endpoints.gateway.asking import After, Answer, Ask
from app.endpoints.gateway.scoring import Scoring

MOST_WAITING = 100
MOST_WAITING_BYTES = 16 * 2**20
MOST_AT_ONCE = 4
MOST_EXAMPLES = 10
EXAMPLE_BYTES = 2000
COMPARED_BYTES = 64 * 2**10
"""Longer answers are compared byte by byte, so that reading them delays no other request."""
RELATIVE, ABSOLUTE = 1e-4, 1e-6

Key = tuple[str, str, str]


@dataclass
class Comparison:
    """What came of the copies for one deployment since the process began."""

    mirrored: int = 0
    dropped: int = 0
    failed: int = 0
    compared: int = 0
    disagreed: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: "Comparison") -> None:
        for name in ("mirrored", "dropped", "failed", "compared", "disagreed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.examples = [*self.examples, *other.examples][-MOST_EXAMPLES:]


class Comparisons:
    """By (workspace, endpoint, deployment); `elsewhere` holds what other processes have compared."""

    def __init__(self) -> None:
        self._found: dict[Key, Comparison] = {}
        self.elsewhere: list[dict[Key, Comparison]] = []

    def at(self, key: Key) -> Comparison:
        return self._found.setdefault(key, Comparison())

    def own(self) -> dict[Key, Comparison]:
        return dict(self._found)

    def of(self, workspace: str, endpoint: str) -> dict[str, Comparison]:
        """By deployment, of all processes."""
        together: dict[str, Comparison] = {}
        for found in (self._found, *self.elsewhere):
            for (at, of, name), comparison in found.items():
                if (at, of) == (workspace, endpoint):
                    together.setdefault(name, Comparison()).add(comparison)
        return together


COMPARISONS = Comparisons()


class Mirror:
    """Looks at each answer after it has been sent. What waits is bounded; what does not fit is dropped and counted."""

    def __init__(
        self, scoring: Scoring, comparisons: Comparisons = COMPARISONS, judge: After = lambda ask, answer: None
    ) -> None:
        """`judge` sees each copy with its answer, once `Ask.disagrees` is known."""
        self._scoring = scoring
        self._judge = judge
        self._comparisons = comparisons
        self._waiting: deque[tuple[Ask, str, Answer]] = deque()
        self._bytes = 0
        self._at_work = 0

    def __call__(self, ask: Ask, answer: Answer) -> None:
        if ask.route is None or not ask.route.mirror or ask.mirrored or answer.status >= 300:
            return
        if ask.action == "swagger.json":
            return
        for deployment, share in ask.route.mirror.items():
            if deployment != ask.deployment and random.random() * 100 < share:
                self._take(ask, deployment, answer)

    def _take(self, ask: Ask, deployment: str, answer: Answer) -> None:
        size = len(ask.body) + len(answer.body)
        if len(self._waiting) >= MOST_WAITING or self._bytes + size > MOST_WAITING_BYTES:
            self._found(ask, deployment).dropped += 1
            return
        self._waiting.append((ask, deployment, answer))
        self._bytes += size
        self._next()

    def _next(self) -> None:
        while self._waiting and self._at_work < MOST_AT_ONCE:
            ask, deployment, answer = self._waiting.popleft()
            self._bytes -= len(ask.body) + len(answer.body)
            self._at_work += 1
            self._scoring.copy(ask, deployment, partial(self._compare, ask, answer))

    def _compare(self, ask: Ask, answer: Answer, copy: Ask, its: Answer) -> None:
        self._at_work -= 1
        found = self._found(ask, copy.deployment)
        found.mirrored += 1
        if its.status >= 300:
            found.failed += 1
        else:
            found.compared += 1
            copy.disagrees = not alike(answer.body, its.body)
            self._scoring.counters.compared(ask.workspace, ask.endpoint, copy.deployment, alike=not copy.disagrees)
            if copy.disagrees:
                found.disagreed += 1
                self._keep(found, ask, answer, its)
        self._judge(copy, its)
        self._next()

    def _found(self, ask: Ask, deployment: str) -> Comparison:
        return self._comparisons.at((ask.workspace, ask.endpoint, deployment))

    def _keep(self, found: Comparison, ask: Ask, answer: Answer, its: Answer) -> None:
        example = {"by": ask.deployment, "request": ask.body, "answer": answer.body, "its_answer": its.body}
        shown = {name: _text(value) if isinstance(value, bytes) else value for name, value in example.items()}
        found.examples = [*found.examples, {**shown, "request_id": ask.request_id}][-MOST_EXAMPLES:]


def _text(body: bytes) -> str:
    return body[:EXAMPLE_BYTES].decode(errors="replace")


def alike(one: bytes, other: bytes) -> bool:
    """Whether two answers say the same: numbers within 1e-4 of each other, everything else exactly."""
    if one == other:
        return True
    if max(len(one), len(other)) > COMPARED_BYTES:
        return False
    try:
        return _alike(orjson.loads(one), orjson.loads(other))
    except orjson.JSONDecodeError:
        return False


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other) and one == other
