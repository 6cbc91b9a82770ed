"""Reads what was measured of an endpoint's deployments: curves over time, and what came together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.access.tables import Workspace
from app.endpoints.metrics import tally as tallies
from app.endpoints.metrics.curves import CURVES, Stretch
from app.endpoints.metrics.service import DAY, HOUR, SHORTEST
from app.endpoints.metrics.tables import DeploymentMetrics
from app.endpoints.metrics.tally import Tally
from app.endpoints.tables import OnlineEndpoint
from app.errors import Invalid
from app.kit.clock import milliseconds, now

RANGES = {"1h": (HOUR, 10), "24h": (DAY, 60), "7d": (7 * DAY, 600), "30d": (30 * DAY, 3600)}
"""By name, how many seconds are looked back on and how many are one point."""


@dataclass(frozen=True)
class Window:
    """Stretches of `seconds` from Unix time `start` on; those up to `closed` do not change any more."""

    start: int
    written: int
    seconds: int

    @classmethod
    def of(cls, name: str, after: int | None = None) -> "Window":
        """The range of that name, or what of it comes after the stretch that began at `after`; raises Invalid."""
        if name not in RANGES:
            raise Invalid(f"range: {name!r} is not one of {', '.join(RANGES)}.", target="range")
        length, seconds = RANGES[name]
        moment = milliseconds(now()) // 1000
        # Gateways write at the end of each shortest stretch, and a moment later all have.
        written = (moment - SHORTEST // 2) // SHORTEST * SHORTEST
        start = (moment - length) // seconds * seconds
        return cls(start if after is None else max(start, after + seconds), written, seconds)

    @classmethod
    def last(cls, seconds: int) -> "Window":
        """The last so many seconds, in the shortest stretches."""
        written = (milliseconds(now()) // 1000 - SHORTEST // 2) // SHORTEST * SHORTEST
        return cls(written - seconds, written, SHORTEST)

    @property
    def closed(self) -> int:
        """Where the last stretch begins that is whole."""
        return self.written // self.seconds * self.seconds - self.seconds

    @property
    def places(self) -> range:
        """Where each stretch begins, the one that goes on as the last."""
        return range(self.start, self.written, self.seconds)

    def elapsed(self, at: int) -> int:
        return min(self.seconds, self.written - at)


def any_kept(session: Session, endpoint: OnlineEndpoint) -> bool:
    return session.scalar(select(exists().where(DeploymentMetrics.endpoint_id == endpoint.id)))


def rows(
    session: Session, endpoint: OnlineEndpoint, window: Window, deployment: str = ""
) -> dict[str, dict[int, Tally]]:
    """Tallies by deployment and begin; of one deployment where it is named."""
    found = select(DeploymentMetrics.deployment, DeploymentMetrics.at, DeploymentMetrics.tally).where(
        DeploymentMetrics.endpoint_id == endpoint.id,
        DeploymentMetrics.seconds == window.seconds,
        DeploymentMetrics.at >= window.start,
        DeploymentMetrics.at < window.written,
    )
    if deployment:
        found = found.where(DeploymentMetrics.deployment == deployment)
    by_name: dict[str, dict[int, Tally]] = defaultdict(dict)
    for name, at, tally in session.execute(found):
        by_name[name][at] = tally
    return dict(by_name)


def curves(
    session: Session, endpoint: OnlineEndpoint, keys: Iterable[str], window: Window, deployment: str = ""
) -> list[dict]:
    """`{"key", "run", "points": [[number, milliseconds, value], …]}` for each line of each metric; raises Invalid."""
    wanted = [(key, _curve(key)) for key in keys]
    found = rows(session, endpoint, window, deployment)
    by_name = {
        name: [Stretch(found[name].get(at, {}), window.elapsed(at)) for at in window.places] for name in sorted(found)
    }
    return [
        {"key": key, "run": label, "points": _points(window, values)}
        for key, curve in wanted
        for label, values in curve(by_name).items()
    ]


def _curve(key: str) -> Callable:
    if key not in CURVES:
        raise Invalid(f"key: {key!r} is not one of {', '.join(CURVES)}.", target="key")
    return CURVES[key].lines


def _points(window: Window, values: Sequence[float | None]) -> list[list]:
    return [[at // window.seconds, at * 1000, value] for at, value in zip(window.places, values, strict=True)]


def last_gauges(session: Session) -> list[tuple[str, str, str, Tally]]:
    """What all deployments used in the last minute: workspace, endpoint, deployment and tally."""
    since = milliseconds(now()) // 1000 - 6 * SHORTEST
    found = (
        select(Workspace.name, OnlineEndpoint.name, DeploymentMetrics.deployment, DeploymentMetrics.tally)
        .join(OnlineEndpoint, OnlineEndpoint.id == DeploymentMetrics.endpoint_id)
        .join(Workspace, Workspace.id == OnlineEndpoint.workspace_id)
        .where(DeploymentMetrics.seconds == SHORTEST, DeploymentMetrics.at >= since)
        .order_by(DeploymentMetrics.at)
    )
    newest = {(workspace, endpoint, name): tally for workspace, endpoint, name, tally in session.execute(found)}
    return [(*key, tally) for key, tally in newest.items()]


def summary(session: Session, endpoint: OnlineEndpoint, window: Window) -> dict[str, dict]:
    """By deployment what came together; seconds, bytes and processors."""
    found = rows(session, endpoint, window)
    return {name: _summary(tallies.total(by_time.values())) for name, by_time in sorted(found.items())}


def _summary(tally: Tally) -> dict:
    count = tallies.requests(tally)
    return {
        "requests": count,
        "statuses": {int(status): count for status, count in sorted(tally.get("requests", {}).items())},
        "refused": tallies.requests(tally, 400) - tallies.requests(tally, 500),
        "failed": tallies.requests(tally, 500),
        "mean_seconds": tally.get("seconds", 0.0) / count if count else None,
        "p50_seconds": tallies.percentile(tally, "latency", 0.5),
        "p95_seconds": tallies.percentile(tally, "latency", 0.95),
        "p99_seconds": tallies.percentile(tally, "latency", 0.99),
        "p95_wait_seconds": tallies.percentile(tally, "waits", 0.95),
        "mean_batch": tallies.mean_batch(tally),
        "mean_cpus": tallies.mean(tally, "cpu"),
        "most_memory_bytes": tally.get("memory", {}).get("max"),
        "collected": tally.get("collected", 0),
        "dropped": tally.get("dropped", 0),
        "compared": tally.get("compared", 0),
        "disagreed": tally.get("disagreed", 0),
        "on_gpus": "gpu" in tally,
    }
