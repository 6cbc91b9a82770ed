"""Which trials end early. Pure, and asked again of the same points it gives the same answer.

An interval is one point of the primary metric. A policy is applied at the last interval that a trial has reached
which is a multiple of `evaluation_interval` and not before `delay_evaluation`.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import NamedTuple


class Course(NamedTuple):
    """The primary metric of one trial, in order. `is_completed` tells one that came to its own end."""

    points: Sequence[float]
    is_running: bool
    is_completed: bool = False


def to_stop(policy: dict, goal: str, courses: Mapping[int, Course]) -> dict[int, str]:
    """The running trials that end now, each with the reason in one sentence."""
    # Everything below looks for high values.
    sign = 1 if goal == "maximize" else -1
    courses = {
        key: course._replace(points=[sign * point for point in course.points]) for key, course in courses.items()
    }
    judge = {"bandit": _bandit, "median_stopping": _median, "truncation_selection": _truncation}[policy["type"]]
    found = {}
    for key, course in courses.items():
        interval = _interval(policy, len(course.points))
        if course.is_running and interval and (reason := judge(policy, sign, courses, key, interval)):
            found[key] = reason
    return found


def _interval(policy: dict, reached: int) -> int:
    every = policy["evaluation_interval"]
    interval = reached // every * every
    return interval if interval >= max(policy["delay_evaluation"], 1) else 0


def _bandit(policy: dict, sign: int, courses: Mapping[int, Course], key: int, interval: int) -> str | None:
    own = max(courses[key].points[:interval])
    best = max(max(course.points[:interval]) for course in courses.values() if course.points)
    if policy["slack_amount"] is not None:
        limit = best - policy["slack_amount"]
    else:
        factor = 1 + policy["slack_factor"]
        limit = best / factor if best >= 0 else best * factor
    # A metric to be minimised is negative here, so its limit is the mirror image: best times the factor.
    if own >= limit:
        return None
    return f"Bandit policy: at interval {interval} its best was {sign * own:.6g}, and the limit {sign * limit:.6g}."


def _median(policy: dict, sign: int, courses: Mapping[int, Course], key: int, interval: int) -> str | None:
    own = max(courses[key].points[:interval])
    averages = [fmean(course.points[:interval]) for course in courses.values() if course.points]
    middle = median(averages)
    if own >= middle:
        return None
    return f"Median stopping: at interval {interval} its best was {sign * own:.6g}, and the median {sign * middle:.6g}."


def _truncation(policy: dict, sign: int, courses: Mapping[int, Course], key: int, interval: int) -> str | None:
    among = {
        other: course.points[interval - 1]
        for other, course in courses.items()
        if len(course.points) >= interval and not (policy["exclude_finished_jobs"] and course.is_completed)
    }
    count = len(among) * policy["truncation_percentage"] // 100
    lowest = sorted(among, key=lambda other: (among[other], -other))[:count]
    if key not in lowest:
        return None
    share = f"the {policy['truncation_percentage']} % that did worst"
    return f"Truncation selection: at interval {interval} its {sign * among[key]:.6g} was among {share}."
