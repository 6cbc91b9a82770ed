"""Judges a deployment on trial by its last answers, and takes its traffic away as soon as they break the rule."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.endpoints.gateway.asking import Answer, Ask
from app.endpoints.gateway.routing import Route, RoutingTable

SLOW_SHARE = 5.0
"""`max_latency_ms` holds for all but so many in a hundred answers: it is a 95th percentile."""

RollBack = Callable[[Route, str, str], None]


def on_trial(traffic: Mapping[str, int], before: Mapping[str, int], mirror: Mapping[str, int]) -> set[str]:
    """The deployments that got more than they had, where something was there to compare with, and mirrored ones."""
    risen = {name for name, share in traffic.items() if share > before.get(name, 0)} if any(before.values()) else set()
    return risen | {name for name, share in mirror.items() if share}


@dataclass
class Window:
    """Whether each of the last `size` answers was bad; broken once more than `allowed` in a hundred of `size` are."""

    size: int
    allowed: float
    _bad: deque[bool] = field(default_factory=deque)
    count: int = 0

    def broken_by(self, bad: bool) -> bool:
        self._bad.append(bad)
        self.count += bad
        if len(self._bad) > self.size:
            self.count -= self._bad.popleft()
        return self.count * 100 > self.allowed * self.size


class Guard:
    """Looks at each answer. `roll_back` is called once with the route, the deployment and the reason."""

    def __init__(self, table: RoutingTable, roll_back: RollBack) -> None:
        self._table = table
        self._roll_back = roll_back
        self._windows: dict[tuple[str, str, str], tuple[Route, dict[str, Window]]] = {}

    def __call__(self, ask: Ask, answer: Answer) -> None:
        route = ask.route
        if route is None or route.rollback_rule is None or ask.deployment is None or ask.action == "swagger.json":
            return
        if ask.deployment not in on_trial(route.traffic, route.traffic_before, route.mirror):
            return
        current = self._table.get(route.workspace, route.endpoint)
        if current is None or not _same_trial(current, route):
            return
        for name, window in self._judged(route, ask.deployment).items():
            bad = _is_bad(name, ask, answer, route.rollback_rule)
            if bad is not None and window.broken_by(bad):
                self._break(route, ask.deployment, _reason(name, window, route.rollback_rule))
                return

    def _judged(self, route: Route, deployment: str) -> dict[str, Window]:
        key = (route.workspace, route.endpoint, deployment)
        found = self._windows.get(key)
        if found is None or not _same_trial(found[0], route):
            found = self._windows[key] = (route, _windows(route.rollback_rule))
        return found[1]

    def _break(self, route: Route, deployment: str, reason: str) -> None:
        """At once in this process; `roll_back` makes it so everywhere."""
        self._windows.pop((route.workspace, route.endpoint, deployment), None)
        current = self._table.get(route.workspace, route.endpoint)
        if current is not None:
            mirror = {name: share for name, share in current.mirror.items() if name != deployment}
            traffic = current.traffic_before if current.traffic.get(deployment) else current.traffic
            self._table.put(replace(current, traffic=traffic, mirror=mirror, traffic_before={}))
        self._roll_back(route, deployment, reason)


def _same_trial(one: Route, other: Route) -> bool:
    """Routes are read anew all the time; a trial begins with a change of what this names."""
    return all(
        getattr(one, name) == getattr(other, name) for name in ("traffic", "traffic_before", "mirror", "rollback_rule")
    )


def _windows(rule: Mapping[str, float]) -> dict[str, Window]:
    size = int(rule["requests"])
    allowed = {
        "max_error_rate": rule.get("max_error_rate"),
        "max_latency_ms": SLOW_SHARE if rule.get("max_latency_ms") is not None else None,
        "max_disagreement_rate": rule.get("max_disagreement_rate"),
    }
    return {name: Window(size, share) for name, share in allowed.items() if share is not None}


def _is_bad(name: str, ask: Ask, answer: Answer, rule: Mapping[str, float]) -> bool | None:
    """None for an answer that says nothing of it."""
    if name == "max_error_rate":
        return answer.status >= 500
    if name == "max_latency_ms":
        return (time.perf_counter() - ask.started) * 1000 > rule["max_latency_ms"]
    return ask.disagrees if ask.mirrored and answer.status < 300 else None


def _reason(name: str, window: Window, rule: Mapping[str, float]) -> str:
    of = f"{window.count} of the last {window.size} answers"
    if name == "max_error_rate":
        return f"{of} were errors, more than {window.allowed:g} %"
    if name == "max_latency_ms":
        return f"{of} took longer than {rule['max_latency_ms']:g} ms, more than {window.allowed:g} %"
    return f"{of} were other than those of the deployment that serves, more than {window.allowed:g} %"
