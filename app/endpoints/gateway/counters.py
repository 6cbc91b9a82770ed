"""What went through the scoring path: requests, errors and latency of each deployment, in memory."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LABELS = ("workspace", "endpoint", "deployment")


@dataclass
class Figures:
    """Since the process began. `buckets[i]` counts answers within BOUNDS[i] seconds and above the bound before."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def add(self, other: "Figures") -> None:
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.seconds += other.seconds
        self.buckets = [mine + its for mine, its in zip(self.buckets, other.buckets, strict=True)]

    def quantile(self, share: float) -> float | None:
        """Seconds within which that share of the requests was answered, at the resolution of BOUNDS."""
        wanted = share * self.requests
        if not wanted:
            return None
        place = next(place for place, total in enumerate(accumulate(self.buckets)) if total >= wanted)
        return BOUNDS[min(place, len(BOUNDS) - 1)]


Key = tuple[str, str, str]


class Counters(Collector):
    """Written by the event loop only; a Prometheus collector once it is registered.

    `elsewhere` holds what other processes have counted, each by (workspace, endpoint, deployment).
    """

    def __init__(self) -> None:
        self._figures: dict[Key, Figures] = {}
        self.elsewhere: list[dict[Key, Figures]] = []

    def count(self, workspace: str, endpoint: str, deployment: str, status: int, seconds: float) -> None:
        key = (workspace, endpoint, deployment)
        figures = self._figures.get(key) or self._figures.setdefault(key, Figures())
        figures.statuses[status] = figures.statuses.get(status, 0) + 1
        figures.seconds += seconds
        figures.buckets[bisect_left(BOUNDS, seconds)] += 1

    def own(self) -> dict[Key, Figures]:
        return dict(self._figures)

    def add(self, figures: dict[Key, Figures]) -> None:
        """Go on from what was counted before."""
        for key, before in figures.items():
            self._figures.setdefault(key, Figures()).add(before)

    def of(self, workspace: str, endpoint: str) -> dict[str, Figures]:
        """Figures by deployment, of all processes."""
        return {name: found for (at, of, name), found in self._together().items() if (at, of) == (workspace, endpoint)}

    def _together(self) -> dict[Key, Figures]:
        together: dict[Key, Figures] = {}
        for figures in (self.own(), *self.elsewhere):
            for key, found in figures.items():
                together.setdefault(key, Figures()).add(found)
        return together

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        requests = CounterMetricFamily(
            "atelier_scoring_requests", "Scoring requests that were answered", labels=(*LABELS, "status")
        )
        seconds = HistogramMetricFamily("atelier_scoring_seconds", "Time to answer a scoring request", labels=LABELS)
        for key, figures in self._together().items():
            for status, count in figures.statuses.items():
                requests.add_metric((*key, str(status)), count)
            bounds = [*map(str, BOUNDS), "+Inf"]
            buckets = list(zip(bounds, accumulate(figures.buckets), strict=True))
            seconds.add_metric(key, buckets, figures.seconds)
        yield requests
        yield seconds


COUNTERS = Counters()
