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

    def quantile(self, share: float) -> float | None:
        """Seconds within which that share of the requests was answered, at the resolution of BOUNDS."""
        wanted = share * self.requests
        if not wanted:
            return None
        place = next(place for place, total in enumerate(accumulate(self.buckets)) if total >= wanted)
        return BOUNDS[min(place, len(BOUNDS) - 1)]


class Counters(Collector):
    """Written by the event loop only; a Prometheus collector once it is registered."""

    def __init__(self) -> None:
        self._figures: dict[tuple[str, str, str], Figures] = {}

    def count(self, workspace: str, endpoint: str, deployment: str, status: int, seconds: float) -> None:
        key = (workspace, endpoint, deployment)
        figures = self._figures.get(key) or self._figures.setdefault(key, Figures())
        figures.statuses[status] = figures.statuses.get(status, 0) + 1
        figures.seconds += seconds
        figures.buckets[bisect_left(BOUNDS, seconds)] += 1

    def of(self, workspace: str, endpoint: str) -> dict[str, Figures]:
        """Figures by deployment."""
        return {name: figures for (at, of, name), figures in self._figures.items() if (at, of) == (workspace, endpoint)}

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        requests = CounterMetricFamily(
            "atelier_scoring_requests", "Scoring requests that were answered", labels=(*LABELS, "status")
        )
        seconds = HistogramMetricFamily("atelier_scoring_seconds", "Time to answer a scoring request", labels=LABELS)
        for key, figures in list(self._figures.items()):
            for status, count in list(figures.statuses.items()):
                requests.add_metric((*key, str(status)), count)
            bounds = [*map(str, BOUNDS), "+Inf"]
            buckets = list(zip(bounds, accumulate(figures.buckets), strict=True))
            seconds.add_metric(key, buckets, figures.seconds)
        yield requests
        yield seconds


COUNTERS = Counters()
