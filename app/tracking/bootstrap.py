"""The paired bootstrap: what differences of pairs say of their mean, without supposing a distribution."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

FEWEST_PAIRS = 5
"""Below it there are too few different resamples to speak of."""
_RESAMPLES = 999


@dataclass(frozen=True)
class Resampled:
    """`low` to `high` is the 95 % interval of the mean, `probability` the two-sided p value of a mean of 0."""

    mean: float
    deviation: float
    low: float
    high: float
    probability: float


@lru_cache(maxsize=512)
def resample(differences: tuple[float, ...]) -> Resampled | None:
    """The symmetric bootstrap-t (Efron & Tibshirani 1993, 12.5 and 16.4); None where the differences are all the same.

    The resamples are drawn from a fixed seed, so that the same runs always get the same answer.
    """
    count = len(differences)
    mean = math.fsum(differences) / count
    centred = [difference - mean for difference in differences]
    squares = [value * value for value in centred]
    deviation = math.sqrt(math.fsum(squares) / (count - 1))
    if deviation <= 1e-12 * max(map(abs, differences)):
        return None
    error = deviation / math.sqrt(count)
    drawn = sorted(_distances(centred, squares, count))
    distance = abs(mean) / error
    further = sum(one >= distance for one in drawn)
    reach = drawn[math.ceil(0.95 * (_RESAMPLES + 1)) - 1] * error
    return Resampled(mean, deviation, mean - reach, mean + reach, (further + 1) / (_RESAMPLES + 1))


def _distances(centred: Sequence[float], squares: Sequence[float], count: int) -> list[float]:
    """How many of its own standard errors the mean of each resample lies from the true one."""
    found = []
    smallest = 1e-12 * max(squares)
    for pick in _picks(count):
        total = sum(pick(centred))
        spread = sum(pick(squares)) - total * total / count
        if spread > smallest:
            found.append(abs(total) / count / math.sqrt(spread / (count - 1) / count))
        else:
            found.append(math.inf)
    return found


@lru_cache(maxsize=32)
def _picks(count: int) -> list[itemgetter]:
    chance = random.Random(count)
    return [itemgetter(*chance.choices(range(count), k=count)) for _ in range(_RESAMPLES)]
