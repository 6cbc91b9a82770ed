"""Numbers of a stretch of time that add up, over gateways, instances and stretches.

A tally is JSON: `requests` by status, `seconds` in all, `latency` and `waits` as counts by bucket (see
`gateway/counters.py`), `batches` by size, `collected` and `dropped` (see `collecting`), `compared` and `disagreed` (see
`gateway/mirroring.py`), and gauges such as `cpu` as
`{"sum", "count", "max"}`. What is 0 is left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.endpoints.gateway.counters import BOUNDS, Figures, quantile

Tally = dict[str, Any]


def of_figures(figures: Figures) -> Tally:
    found = {
        "requests": {str(status): count for status, count in figures.statuses.items()},
        "seconds": figures.seconds,
        "latency": _sparse(figures.buckets),
        "waits": _sparse(figures.waits),
        "batches": {str(size): count for size, count in figures.batches.items()},
        "collected": figures.collected,
        "dropped": figures.dropped,
        "compared": figures.compared,
        "disagreed": figures.disagreed,
    }
    return {name: value for name, value in found.items() if value}


def _sparse(buckets: list[int]) -> dict[str, int]:
    return {str(place): count for place, count in enumerate(buckets) if count}


def of_gauges(gauges: Mapping[str, float]) -> Tally:
    return {name: {"sum": value, "count": 1, "max": value} for name, value in gauges.items()}


def merge(one: Tally, other: Tally) -> Tally:
    """A tally of both; neither is changed."""
    merged = dict(one)
    for name, value in other.items():
        known = merged.get(name)
        if known is None:
            merged[name] = value
        elif isinstance(value, dict):
            merged[name] = merge(known, value)
        else:
            merged[name] = max(known, value) if name == "max" else known + value
    return merged


def total(tallies: Iterable[Tally]) -> Tally:
    found: Tally = {}
    for tally in tallies:
        found = merge(found, tally)
    return found


def requests(tally: Tally, least: int = 0) -> int:
    """How many were answered with a status of at least that number."""
    return sum(count for status, count in tally.get("requests", {}).items() if int(status) >= least)


def percentile(tally: Tally, what: str, share: float) -> float | None:
    """In seconds; `what` is latency or waits."""
    counts = tally.get(what)
    if not counts:
        return None
    buckets = [0] * (len(BOUNDS) + 1)
    for place, count in counts.items():
        buckets[min(int(place), len(BOUNDS))] += count
    return quantile(buckets, share)


def mean_batch(tally: Tally) -> float | None:
    """How many were predicted together in the mean call of `predict`."""
    batches = tally.get("batches")
    if not batches:
        return None
    calls = sum(count / int(size) for size, count in batches.items())
    return sum(batches.values()) / calls


def mean(tally: Tally, gauge: str) -> float | None:
    found = tally.get(gauge)
    return found["sum"] / found["count"] if found else None
