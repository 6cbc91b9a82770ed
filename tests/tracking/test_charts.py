"""Thinning keeps every spike."""

import math
import random

from hypothesis import given
from hypothesis import strategies as some

from app.tracking.charts import thin
from app.tracking.metrics import Point


def _points(values: list[float]) -> list[Point]:
    return [Point(step, step * 1000, value) for step, value in enumerate(values)]


def test_few_points_stay_as_they_are():
    points = _points([3, 1, 2])
    assert thin(points, 10) == points


def test_one_spike_among_a_hundred_thousand_stays():
    values = [random.random() for _ in range(100_000)]
    values[54_321], values[12_345] = 1e9, -1e9
    kept = thin(_points(values), 500)
    assert len(kept) <= 502
    assert {point.step for point in kept} >= {0, 12_345, 54_321, 99_999}


@given(some.lists(some.floats(), min_size=1, max_size=400), some.integers(10, 60))
def test_ends_lowest_and_highest_stay_and_steps_never_go_back(values, most):
    kept = thin(_points(values), most)
    steps = [point.step for point in kept]
    assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == len(values) - 1
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        left = [point.value for point in kept if math.isfinite(point.value)]
        assert (min(left), max(left)) == (min(finite), max(finite))
