"""How much each parameter alone tells about the objective of a sweep. Pure.

The share is epsilon squared of the Kruskal-Wallis test: the part of the variance of the objective's ranks that lies
between groups of trials with like values, less what chance alone would give. Source: Tomczak and Tomczak, The need to
report effect size estimates revisited (2014). Ranks keep one diverged trial from deciding everything. What only two
parameters together explain is not seen.
"""

from collections.abc import Sequence
from itertools import groupby
from math import sqrt
from typing import Any, NamedTuple

LEAST_TRIALS = 8
_MOST_GROUPS = 8


class Importance(NamedTuple):
    """`share` is from 0 to 1. `trend` is Spearman's rank correlation, -1 to 1, None for values without an order."""

    parameter: str
    share: float
    trend: float | None


def importance(trials: Sequence[tuple[dict[str, Any], float]]) -> list[Importance]:
    """Of the parameters and the objective of each trial: the most important first; none of too few trials."""
    if len(trials) < LEAST_TRIALS:
        return []
    ranks = _ranks([objective for _, objective in trials])
    found = [_of_parameter(name, [values.get(name) for values, _ in trials], ranks) for name in trials[0][0]]
    return sorted(found, key=lambda one: -one.share)


def _of_parameter(name: str, values: list[Any], ranks: list[float]) -> Importance:
    if all(_is_number(value) for value in values):
        return Importance(name, _explained(_binned(values, ranks)), _correlation(_ranks(values), ranks))
    words = [str(value) for value in values]
    groups = [[rank for word, rank in zip(words, ranks, strict=True) if word == one] for one in sorted(set(words))]
    return Importance(name, _explained(groups), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _binned(values: list[float], ranks: list[float]) -> list[list[float]]:
    """Groups of neighbouring values, about as many in each, without parting equal ones."""
    pairs = sorted(zip(values, ranks, strict=True))
    # Few groups, as each costs what so few trials can tell.
    size = -(-len(pairs) // max(2, min(_MOST_GROUPS, round(len(pairs) ** 0.4))))
    groups: list[list[float]] = [[]]
    for _, equal in groupby(pairs, key=lambda pair: pair[0]):
        if len(groups[-1]) >= size:
            groups.append([])
        groups[-1] += [rank for _, rank in equal]
    if len(groups) > 1 and len(groups[-1]) < size // 2:
        groups[-2] += groups.pop()
    return groups


def _explained(groups: list[list[float]]) -> float:
    count = sum(map(len, groups))
    mean = sum(map(sum, groups)) / count
    whole = sum((rank - mean) ** 2 for group in groups for rank in group)
    if not whole or not 1 < len(groups) < count:
        return 0.0
    between = sum(len(group) * (sum(group) / len(group) - mean) ** 2 for group in groups)
    return max(0.0, 1 - (whole - between) / whole * (count - 1) / (count - len(groups)))


def _ranks(values: list[float]) -> list[float]:
    """From 1; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, at = [0.0] * len(values), 0
    for _, equal in groupby(order, key=values.__getitem__):
        places = list(equal)
        for place in places:
            ranks[place] = at + (len(places) + 1) / 2
        at += len(places)
    return ranks


def _correlation(left: list[float], right: list[float]) -> float:
    middle = (len(left) + 1) / 2
    spread = sqrt(sum((rank - middle) ** 2 for rank in left) * sum((rank - middle) ** 2 for rank in right))
    together = sum((a - middle) * (b - middle) for a, b in zip(left, right, strict=True))
    return together / spread if spread else 0.0
