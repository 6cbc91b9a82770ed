"""How many instances a deployment should have, from its scale settings and its load.

More at once, fewer only after the load has been low for a while: an instance that starts takes its time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.endpoints.tables import OnlineDeployment
from app.errors import Invalid

MOST_INSTANCES = 20
DOWN = "atelier.scale_down_seconds"
IDLE = "atelier.scale_to_zero_seconds"
LATENCY = "atelier.target_latency_ms"
WAKE = "atelier.wake_up_seconds"
SETTLE_SECONDS = 15.0
"""How long one more instance has to make requests quicker before the next is tried."""
DEFAULTS = {DOWN: 120.0, IDLE: 600.0, WAKE: 60.0}


@dataclass(frozen=True)
class Limits:
    """`target` is the number of requests at a time that one instance should have, `seconds` how long they may take."""

    least: int
    most: int
    target: float
    down_seconds: float
    idle_seconds: float
    seconds: float | None = None


@dataclass(frozen=True)
class Low:
    """Since when fewer instances would do (seconds since the epoch), and how many at the most meanwhile."""

    since: float
    peak: int


@dataclass(frozen=True)
class Step:
    """`reason` says why `count` is another than before."""

    count: int
    low: Low | None = None
    reason: str = ""


def is_on(deployment: OnlineDeployment) -> bool:
    return (deployment.scale_settings or {}).get("type") == "target_utilization"


def limits_of(deployment: OnlineDeployment) -> Limits:
    settings = deployment.scale_settings
    at_a_time = deployment.request_settings.get("max_concurrent_requests_per_instance", 1)
    return Limits(
        least=settings["min_instances"],
        most=settings["max_instances"],
        target=at_a_time * settings["target_utilization_percentage"] / 100,
        down_seconds=seconds(deployment.properties, DOWN),
        idle_seconds=seconds(deployment.properties, IDLE),
        seconds=_target_latency(deployment.properties),
    )


def _target_latency(properties: Mapping[str, str]) -> float | None:
    given = properties.get(LATENCY)
    try:
        found = None if given is None else float(given) / 1000
    except ValueError:
        found = 0.0
    if found is not None and not 0 < found <= 180:
        raise Invalid(
            f"properties.{LATENCY}: {given!r} is no number of milliseconds up to 180000.",
            target=f"properties.{LATENCY}",
        )
    return found


def seconds(properties: Mapping[str, str], name: str) -> float:
    """Raises Invalid for what is no number of seconds."""
    given = properties.get(name)
    try:
        found = DEFAULTS[name] if given is None else float(given)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 86_400:
        raise Invalid(f"properties.{name}: {given!r} is no number of seconds up to 86400.", target=f"properties.{name}")
    return found


def check(settings: Mapping, properties: Mapping[str, str]) -> None:
    """Raises Invalid for scale settings or properties that cannot be followed."""
    if settings["max_instances"] > MOST_INSTANCES:
        raise Invalid(
            f"scale_settings.max_instances: {settings['max_instances']} is above {MOST_INSTANCES}.",
            target="scale_settings.max_instances",
        )
    for name in DEFAULTS:
        seconds(properties, name)
    _target_latency(properties)


def check_count(count: int) -> None:
    if not 1 <= count <= MOST_INSTANCES:
        raise Invalid(f"instance_count: {count} is not between 1 and {MOST_INSTANCES}.", target="instance_count")


def wake_seconds(deployment: OnlineDeployment) -> float | None:
    """How long a request waits for the first instance; None for a deployment that is never scaled to zero."""
    if not is_on(deployment) or deployment.scale_settings["min_instances"] or deployment.provisioning_state == "Failed":
        return None
    return seconds(deployment.properties, WAKE)


def step(
    limits: Limits, present: int, low: Low | None, in_flight: float, at: float, *, took: float = 0, unchanged: float = 0
) -> Step:
    """What to do at a look at `at`, in seconds, with `in_flight` requests at a time since the last one.

    They `took` so many seconds. The number of instances has been `unchanged` for so long.
    """
    wanted = min(max(math.ceil(in_flight / limits.target), limits.least), limits.most)
    # Where no request waits for another, more instances make none quicker.
    if limits.seconds is not None and took > limits.seconds and in_flight > present and wanted <= present < limits.most:
        if unchanged < SETTLE_SECONDS:
            return Step(present)
        return Step(present + 1, None, f"requests take {took * 1000:.0f} ms")
    if limits.seconds is not None and in_flight and took > limits.seconds / 2:
        # Fewer would soon be too slow again.
        wanted = max(wanted, min(present, limits.most))
    if wanted > present:
        why = "requests wait" if not present else f"{in_flight:.1f} requests at a time"
        reason = f"min_instances is {limits.least}" if present < limits.least else why
        return Step(wanted, None, reason)
    if present > limits.most:
        return Step(limits.most, None, f"max_instances is {limits.most}")
    if wanted == present:
        return Step(present)
    low = Low(low.since, max(low.peak, wanted)) if low else Low(at, wanted)
    to_zero = present == 1
    window = limits.idle_seconds if to_zero else limits.down_seconds
    if low.peak >= present:
        return Step(present, Low(at, wanted))
    if at - low.since < window:
        return Step(present, low)
    if to_zero:
        return Step(0, None, f"no request for {window:g} s")
    count = max(low.peak, 1)
    return Step(count, None, f"{count} would have done for {window:g} s")
