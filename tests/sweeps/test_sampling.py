"""Parameters of trials, and which trials end early."""

import json
import math
from statistics import NormalDist

import pytest

from app.sweeps.policies import Course, to_stop
from app.sweeps.sampling import Known, suggest, value_at


def sweep(space, goal="minimize", **sampling):
    return {"search_space": space, "sampling": sampling, "objective": {"goal": goal, "primary_metric": "loss"}}


X = {"type": "uniform", "min_value": -2, "max_value": 6}


@pytest.mark.parametrize(
    ("distribution", "unit", "expected"),
    [
        (X, 0.25, 0.0),
        ({"type": "loguniform", "min_value": -4, "max_value": 0}, 0.5, math.exp(-2)),
        ({"type": "quniform", "min_value": 0, "max_value": 1, "q": 0.1}, 0.31, 0.3),
        ({"type": "qloguniform", "min_value": 0, "max_value": 4, "q": 5}, 0.5, 5),
        ({"type": "normal", "mu": 3, "sigma": 2}, NormalDist().cdf(1), 5),
        ({"type": "lognormal", "mu": 0, "sigma": 1}, 0.5, 1),
        ({"type": "qnormal", "mu": 10, "sigma": 1, "q": 4}, 0.5, 8),
        ({"type": "qlognormal", "mu": 2, "sigma": 1, "q": 3}, 0.5, 6),
        ({"type": "randint", "upper": 4}, 0.999, 3),
        ({"type": "choice", "values": ["a", 2, True]}, 0.5, 2),
    ],
)
def test_each_distribution_is_azures(distribution, unit, expected):
    assert value_at(distribution, unit) == pytest.approx(expected)


def test_a_nested_search_space_is_drawn_as_json_with_the_rest_of_its_branch():
    net = {"name": "deep", "lr": X, "more": {"type": "choice", "values": [{"width": {"type": "randint", "upper": 9}}]}}
    asked = sweep({"net": {"type": "choice", "values": ["none", net]}}, type="random", seed=7)
    drawn = [suggest(asked, "s", number)["net"] for number in range(40)]
    assert drawn == [suggest(asked, "s", number)["net"] for number in range(40)]
    deep = [json.loads(value) for value in drawn if value != "none"]
    assert 10 < len(deep) < 30 and {one["name"] for one in deep} == {"deep"}
    assert len({one["lr"] for one in deep}) == len(deep) and {one["more"]["width"] for one in deep} <= set(range(9))


def test_random_draws_repeat_and_are_spread():
    asked = sweep({"x": X}, type="random", seed=7)
    drawn = [suggest(asked, "s", number)["x"] for number in range(400)]
    assert drawn == [suggest(asked, "other", number)["x"] for number in range(400)]
    assert abs(sum(drawn) / 400 - 2) < 0.35 and min(drawn) < -1.8 and max(drawn) > 5.8


def test_sobol_puts_one_point_into_each_stretch_of_every_dimension():
    space = {f"x{index}": {"type": "uniform", "min_value": 0, "max_value": 64} for index in range(13)}
    points = [suggest(sweep(space, type="random", rule="sobol"), "s", number) for number in range(64)]
    for name in space:
        assert sorted(int(point[name]) for point in points) == list(range(64)), name


def test_a_grid_is_every_combination_once():
    asked = sweep({"a": {"type": "choice", "values": [1, 2]}, "b": {"type": "choice", "values": "xyz"}}, type="grid")
    found = [suggest(asked, "s", number) for number in range(7)]
    assert found[-1] is None and len({tuple(point.items()) for point in found[:-1]}) == 6


def test_bayesian_sampling_comes_closer_than_chance():
    asked = sweep({"x": X, "kind": {"type": "choice", "values": ["bad", "good"]}}, type="bayesian")
    known = [Known({"x": 0.0, "kind": "bad"}, None, True)]
    for number in range(35):
        values = suggest(asked, "s", number, known)
        known.append(Known(values, (values["x"] - 3) ** 2 + (values["kind"] == "bad"), True))
    assert min(trial.objective for trial in known[1:]) < 0.05
    assert [trial.values["kind"] for trial in known[-10:]].count("good") > 6


def bandit(**slack):
    return {
        "type": "bandit", "evaluation_interval": 1, "delay_evaluation": 0,
        "slack_factor": None, "slack_amount": None, **slack,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("goal", "best", "stays", "stops"),
    [("maximize", 0.8, 0.67, 0.66), ("maximize", -1.0, -1.19, -1.21), ("minimize", 1.0, 1.19, 1.21)],
)
def test_bandit_by_factor(goal, best, stays, stops):
    courses = {0: Course([best], True), 1: Course([stays], True), 2: Course([stops], True)}
    assert list(to_stop(bandit(slack_factor=0.2), goal, courses)) == [2]


def test_policies_wait_for_their_interval_and_leave_ended_trials():
    policy = bandit(slack_amount=0.1) | {"evaluation_interval": 2, "delay_evaluation": 4}
    courses = {0: Course([0.9] * 5, False), 1: Course([0.1] * 3, True), 2: Course([0.1] * 5, True)}
    assert to_stop(policy, "maximize", courses) == {
        2: "Bandit policy: at interval 4 its best was 0.1, and the limit 0.8."
    }


def test_median_and_truncation():
    courses = {index: Course([float(index)] * 2, True) for index in range(5)}
    common = {"evaluation_interval": 1, "delay_evaluation": 0}
    assert list(to_stop({"type": "median_stopping", **common}, "maximize", courses)) == [0, 1]
    truncation = {"type": "truncation_selection", **common, "truncation_percentage": 40, "exclude_finished_jobs": False}
    assert list(to_stop(truncation, "minimize", courses)) == [3, 4]
