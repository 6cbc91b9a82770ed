"""Which parameters matter is told from trials, whatever scale the objective has."""

import random

from app.sweeps.importance import importance


def test_the_parameter_that_decides_is_told_from_those_that_do_not():
    draw = random.Random(1)
    trials = []
    for _ in range(60):
        values = {"lr": draw.uniform(0, 1), "net": draw.choice(["a", "b", "c"]), "noise": draw.uniform(0, 1)}
        # One trial in ten diverges, which a variance would see before all else.
        lost = 1e9 if draw.random() < 0.1 else 0
        trials.append((values, values["lr"] * 10 + (values["net"] == "b") * 3 + lost))
    found = {one.parameter: one for one in importance(trials)}
    assert list(found) == ["lr", "net", "noise"]
    assert found["lr"].share > 0.5 > found["net"].share > found["noise"].share
    assert found["lr"].trend > 0.6 and found["net"].trend is None and found["noise"].share < 0.1


def test_what_cannot_be_told_is_not_told():
    assert importance([({"lr": 1}, 1.0)] * 7) == []
    same = importance([({"lr": 0.1, "on": at % 2 == 0}, 1.0) for at in range(10)])
    assert [(one.parameter, one.share) for one in same] == [("lr", 0.0), ("on", 0.0)]
