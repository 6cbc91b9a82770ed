"""What went through the scoring path: requests, errors, latency, waiting and batches of each deployment, in memory."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

STEPS = 8
"""Buckets from one time to its double, so that a percentile is told to within 9 %."""
BOUNDS = tuple(0.00005 * 2 ** (step / STEPS) for step in range(22 * STEPS + 1))
"""Seconds, from 50 µs to three and a half minutes, which is longer than any request may take."""
LABELS = ("workspace", "endpoint", "deployment")


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """Seconds within which that share of what was counted lies; within a bucket all is taken to be spread evenly."""
    wanted = share * sum(buckets)
    below = 0
    for place, count in enumerate(buckets):
        if count and below + count >= wanted:
            low = BOUNDS[place - 1] if place else 0.0
            return low + (BOUNDS[min(place, len(BOUNDS) - 1)] - low) * (wanted - below) / count
        below += count
    return None


def _none() -> list[int]:
    return [0] * (len(BOUNDS) + 1)


@dataclass
class Figures:
    """`buckets[i]` counts answers within BOUNDS[i] seconds and above the bound before; `waits` does so for the time
    that requests waited for their turn. `batches` counts requests by how many were predicted together, `collected`
    those that were kept as data, `dropped` those that should have been; `compared` counts answers to copies of other
    deployments' requests, `disagreed` those that said something else.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=_none)
    waits: list[int] = field(default_factory=_none)
    batches: dict[int, int] = field(default_factory=dict)
    collected: int = 0
    dropped: int = 0
    compared: int = 0
    disagreed: int = 0

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def add(self, other: "Figures") -> None:
        for mine, its in ((self.statuses, other.statuses), (self.batches, other.batches)):
            for key, count in its.items():
                mine[key] = mine.get(key, 0) + count
        self.seconds += other.seconds
        for name in ("collected", "dropped", "compared", "disagreed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.buckets = [mine + its for mine, its in zip(self.buckets, other.buckets, strict=True)]
        self.waits = [mine + its for mine, its in zip(self.waits, other.waits, strict=True)]

    def quantile(self, share: float) -> float | None:
        return quantile(self.buckets, share)


Key = tuple[str, str, str]


class Counters(Collector):
    """Written by the event loop only; a Prometheus collector once it is registered.

    Each key is (workspace, endpoint, deployment); what was refused before a deployment was chosen is counted for "".
    `elsewhere` holds what other processes have counted.
    """

    def __init__(self) -> None:
        self._before: dict[Key, Figures] = {}
        self._recent: dict[Key, Figures] = {}
        self.elsewhere: list[dict[Key, Figures]] = []

    def count(
        self,
        workspace: str,
        endpoint: str,
        deployment: str,
        status: int,
        seconds: float,
        waited: float | None = None,
        batch: int | None = None,
    ) -> None:
        key = (workspace, endpoint, deployment)
        figures = self._recent.get(key) or self._figures(*key)
        figures.statuses[status] = figures.statuses.get(status, 0) + 1
        figures.seconds += seconds
        figures.buckets[bisect_left(BOUNDS, seconds)] += 1
        if waited is not None:
            figures.waits[bisect_left(BOUNDS, waited)] += 1
        if batch is not None:
            figures.batches[batch] = figures.batches.get(batch, 0) + 1

    def collected(self, workspace: str, endpoint: str, deployment: str, *, kept: bool) -> None:
        figures = self._figures(workspace, endpoint, deployment)
        figures.collected += kept
        figures.dropped += not kept

    def compared(self, workspace: str, endpoint: str, deployment: str, *, alike: bool) -> None:
        figures = self._figures(workspace, endpoint, deployment)
        figures.compared += 1
        figures.disagreed += not alike

    def _figures(self, *key: str) -> Figures:
        return self._recent.get(key) or self._recent.setdefault(key, Figures())

    def own(self) -> dict[Key, Figures]:
        return _together(self._before, self._recent)

    def take(self) -> dict[Key, Figures]:
        """What was counted since the last call."""
        taken, self._recent = self._recent, {}
        self.add(taken)
        return taken

    def add(self, figures: dict[Key, Figures]) -> None:
        """Go on from what was counted before."""
        self._before = _together(self._before, figures)

    def of(self, workspace: str, endpoint: str) -> dict[str, Figures]:
        """Figures by deployment, of all processes."""
        return {name: found for (at, of, name), found in self._all().items() if (at, of) == (workspace, endpoint)}

    def _all(self) -> dict[Key, Figures]:
        return _together(self._before, self._recent, *self.elsewhere)

    def exposition(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self)

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        requests = CounterMetricFamily(
            "atelier_scoring_requests", "Scoring requests that were answered", labels=(*LABELS, "status")
        )
        seconds = HistogramMetricFamily("atelier_scoring_seconds", "Time to answer a scoring request", labels=LABELS)
        waits = HistogramMetricFamily("atelier_scoring_wait_seconds", "Time that requests waited", labels=LABELS)
        batches = CounterMetricFamily(
            "atelier_scoring_batched_requests", "Requests by how many were predicted together", labels=(*LABELS, "size")
        )
        collected = CounterMetricFamily(
            "atelier_collected_requests", "Requests kept as data, and dropped", labels=(*LABELS, "outcome")
        )
        for key, figures in self._all().items():
            for outcome in ("collected", "dropped"):
                if count := getattr(figures, outcome):
                    collected.add_metric((*key, outcome), count)
            for status, count in figures.statuses.items():
                requests.add_metric((*key, str(status)), count)
            for size, count in figures.batches.items():
                batches.add_metric((*key, str(size)), count)
            seconds.add_metric(key, _coarse(figures.buckets), figures.seconds)
            waits.add_metric(key, _coarse(figures.waits), None)
        yield from (requests, seconds, waits, batches, collected)


def _together(*many: dict[Key, Figures]) -> dict[Key, Figures]:
    together: dict[Key, Figures] = {}
    for figures in many:
        for key, found in figures.items():
            together.setdefault(key, Figures()).add(found)
    return together


def _coarse(buckets: list[int]) -> list[tuple[str, float]]:
    """Prometheus's buckets: a bound is the double of the one before."""
    totals = list(accumulate(buckets))
    return [(f"{BOUNDS[place]:g}", totals[place]) for place in range(0, len(BOUNDS), STEPS)] + [("+Inf", totals[-1])]


COUNTERS = Counters()
