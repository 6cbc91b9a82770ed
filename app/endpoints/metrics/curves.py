"""The metrics of deployments, by the names that Azure Monitor gives them, and how each is drawn.

Source of the names: https://learn.microsoft.com/azure/machine-learning/monitor-azure-machine-learning-reference
(Microsoft.MachineLearningServices/workspaces/onlineEndpoints and …/deployments). Azure has no metric of waiting,
batches and mirrored traffic; theirs are ours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.endpoints.metrics import tally as tallies
from app.endpoints.metrics.tally import Tally

REFUSED = "refused"
"""The name of what was refused before a deployment was chosen."""


@dataclass(frozen=True)
class Stretch:
    """`seconds` is how much of it is over."""

    tally: Tally
    seconds: int


ByName = Mapping[str, Sequence[Stretch]]
Lines = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Curve:
    title: str
    lines: Callable[[ByName], Lines]


def _together(by_name: ByName) -> list[Stretch]:
    together = zip(*by_name.values(), strict=True)
    return [Stretch(tallies.total(one.tally for one in many), many[0].seconds) for many in together]


def _each(value: Callable[[Stretch], float | None], *, requests: bool = False) -> Callable[[ByName], Lines]:
    """A line a deployment; what was refused has `requests` only."""

    def lines(by_name: ByName) -> Lines:
        return {name or REFUSED: [value(one) for one in many] for name, many in by_name.items() if name or requests}

    return lines


def _percentiles(what: str, *shares: int) -> Callable[[ByName], Lines]:
    def lines(by_name: ByName) -> Lines:
        many = _together({name: found for name, found in by_name.items() if name})
        return {f"P{share}": [_milliseconds(one, what, share) for one in many] for share in shares}

    return lines


def _milliseconds(one: Stretch, what: str, share: int) -> float | None:
    found = tallies.percentile(one.tally, what, share / 100)
    return None if found is None else round(found * 1000, 3)


def _rate(one: Stretch) -> float:
    return tallies.requests(one.tally) * 60 / one.seconds


def _per_minute(name: str) -> Callable[[ByName], Lines]:
    return _each(lambda one: one.tally.get(name, 0) * 60 / one.seconds)


def _disagreement(by_name: ByName) -> Lines:
    """A line for each deployment that got copies."""
    mirrored = {name: many for name, many in by_name.items() if any("compared" in one.tally for one in many)}
    return {name: [_differing(one.tally) for one in many] for name, many in mirrored.items()}


def _differing(tally: Tally) -> float | None:
    return 100 * tally.get("disagreed", 0) / tally["compared"] if tally.get("compared") else None


def _by_status(by_name: ByName) -> Lines:
    many = _together(by_name)
    known = sorted({status for one in many for status in one.tally.get("requests", {})})
    return {
        status: [one.tally.get("requests", {}).get(status, 0) * 60 / one.seconds for one in many] for status in known
    }


def _mean_batch(by_name: ByName) -> Lines:
    return {"requests": [tallies.mean_batch(one.tally) for one in _together(by_name)]}


def _gauge(name: str, unit: float) -> Callable[[ByName], Lines]:
    def value(one: Stretch) -> float | None:
        found = tallies.mean(one.tally, name)
        return None if found is None else round(found * unit, 3)

    return _each(value)


CURVES = {
    "RequestsPerMinute": Curve("Requests a minute", _each(_rate, requests=True)),
    "RequestLatency": Curve("Latency, ms", _percentiles("latency", 50, 90, 95, 99)),
    "ResponsesPerMinute": Curve("Answers a minute, by status", _by_status),
    "QueueLatency": Curve("Wait in the queue, ms", _percentiles("waits", 50, 95, 99)),
    "BatchSize": Curve("Requests predicted together", _mean_batch),
    "CpuUtilizationPercentage": Curve("CPU of an instance, % of a core", _gauge("cpu", 100)),
    "CpuMemoryBytes": Curve("Memory of an instance, MiB", _gauge("memory", 2**-20)),
    "DataCollectionEventsPerMinute": Curve("Requests collected a minute", _per_minute("collected")),
    "DataCollectionErrorsPerMinute": Curve("Requests not collected a minute", _per_minute("dropped")),
    "DisagreementPercentage": Curve("Answers to copies that differ, %", _disagreement),
    "GpuUtilizationPercentage": Curve("GPU, %", _gauge("gpu", 1)),
    "GpuMemoryBytes": Curve("Memory of GPUs, MiB", _gauge("gpu_memory", 2**-20)),
}
