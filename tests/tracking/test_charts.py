"""Thinning keeps every spike."""

import math
import random
from array import array

from hypothesis import given
from hypothesis import strategies as some

from app.tracking.charts import thin
from app.tracking.metrics import Columns


def _columns(values: list[float]) -> Columns:
    steps = range(len(values))
    return Columns(array("q", steps), array("q", [step * 1000 for step in steps]), array("d", values))


def _extremes(points: list[list]) -> list[float]:
    """Every value that points show: their own, or the lowest and highest of their stretch."""
    return [value for point in points for value in (point[3:] or point[2:]) if value is not None]


def test_few_points_stay_as_they_are():
    assert thin(_columns([3, math.nan, 2]), 10) == [[0, 0, 3], [1, 1000, None], [2, 2000, 2]]


def test_one_spike_among_a_hundred_thousand_stays():
    values = [random.random() for _ in range(100_000)]
    values[54_321], values[12_345] = 1e9, -1e9
    kept = thin(_columns(values), 500)
    assert len(kept) <= 502
    assert {1e9, -1e9} <= set(_extremes(kept))
    assert kept[0] == [0, 0, values[0]] and kept[-1] == [99_999, 99_999_000, values[-1]]
    assert all(low <= mean <= high for _, _, mean, low, high in kept[1:-1])


def test_runs_that_log_at_the_same_steps_are_thinned_at_the_same_steps():
    long, short = (thin(_columns([0.0] * count), 100) for count in (1000, 990))
    assert [point[0] for point in long][: len(short) - 2] == [point[0] for point in short][:-2]


@given(some.lists(some.floats(), min_size=1, max_size=400), some.integers(10, 60))
def test_ends_lowest_and_highest_stay_and_steps_never_go_back(values, most):
    kept = thin(_columns(values), most)
    steps = [point[0] for point in kept]
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] == len(values) - 1
    assert len(kept) <= most
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        assert (min(_extremes(kept)), max(_extremes(kept))) == (min(finite), max(finite))
