"""Which parameters a trial gets. Pure: the same sweep, number and history give the same parameters."""

import json
import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

from app.sweeps import sobol

Values = dict[str, Any]


class Known(NamedTuple):
    """A trial so far; `objective` is None while it runs or when it has none."""

    values: Values
    objective: float | None
    is_final: bool


def suggest(sweep: dict, seed: str, number: int, known: Sequence[Known] = ()) -> Values | None:
    """Parameters of trial `number`, counted from 0; None when a grid has no further point.

    `sweep` is that of `SweepJob`; `seed` stands for the seed where the file gives none.
    """
    space, sampling = sweep["search_space"], sweep["sampling"]
    seed = str(sampling.get("seed", seed))
    if sampling["type"] == "grid":
        return _grid(space, number)
    if sampling["type"] == "bayesian":
        return _bayesian(space, sweep["objective"]["goal"], f"{seed}:{number}", known)
    if sampling.get("rule") == "sobol":
        units = sobol.point(number, len(space), seed)
    else:
        draw = random.Random(f"{seed}:{number}")
        units = [max(draw.random(), 2**-54) for _ in space]
    base = sampling.get("logbase", math.e)
    return {name: value_at(space[name], unit, base) for name, unit in zip(space, units, strict=True)}


def value_at(distribution: dict, unit: float, base: float = math.e) -> Any:
    """The value of a distribution at a quantile in (0, 1).

    As in Azure ML, the bounds of log distributions are exponents, and `q` rounds to its multiples. A nested search
    space among the values of a choice gives the JSON text of what was drawn from it.
    """
    kind = distribution["type"]
    if kind == "choice":
        value = _chosen(distribution, unit, base)
        return json.dumps(value) if isinstance(value, dict) else value
    if kind == "randint":
        return int(unit * distribution["upper"])
    if "mu" in distribution:
        value = NormalDist(distribution["mu"], distribution["sigma"]).inv_cdf(unit)
        value = math.exp(min(value, 700.0)) if "log" in kind else value
    else:
        low, high = distribution["min_value"], distribution["max_value"]
        value = low + (high - low) * unit
        value = base**value if "log" in kind else value
    return rounded(value, distribution["q"]) if "q" in distribution else value


def _drawn(space: dict, unit: float, base: float) -> Values:
    """Of a nested search space; the same for the same quantile."""
    found = {}
    for name, item in space.items():
        if isinstance(item, dict):
            inner = max(random.Random(f"{unit}:{name}").random(), 2**-54)
            item = _chosen(item, inner, base) if item["type"] == "choice" else value_at(item, inner, base)
        found[name] = item
    return found


def _chosen(distribution: dict, unit: float, base: float) -> Any:
    value = distribution["values"][int(unit * len(distribution["values"]))]
    return _drawn(value, unit, base) if isinstance(value, dict) else value


def rounded(value: float, step: float) -> float:
    # Without the digits that only binary arithmetic adds: 0.1 * 3 is 0.3.
    return float(f"{round(value / step) * step:.12g}")


def _grid(space: dict, number: int) -> Values | None:
    values = {}
    for name, distribution in reversed(space.items()):
        number, index = divmod(number, len(distribution["values"]))
        values[name] = distribution["values"][index]
    return {name: values[name] for name in space} if number == 0 else None


def _bayesian(space: dict, goal: str, seed: str, known: Sequence[Known]) -> Values:
    """By Optuna's tree-structured Parzen estimator, from a study made anew of what is known."""
    # Imported here, as the web process and idle workers shall not hold it in memory.
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {
        name: CategoricalDistribution(range(len(part["values"])))
        if part["type"] == "choice"
        else FloatDistribution(part["min_value"], part["max_value"])
        for name, part in space.items()
    }
    sampler = optuna.samplers.TPESampler(seed=random.Random(seed).getrandbits(32))
    study = optuna.create_study(sampler=sampler, direction=goal)
    # The estimator heeds no others.
    for trial in (trial for trial in known if trial.is_final and trial.objective is not None):
        params = {name: _inner(space[name], trial.values[name]) for name in space}
        study.add_trial(create_trial(value=trial.objective, params=params, distributions=distributions))
    found = study.ask(distributions).params
    return {name: _outer(space[name], found[name]) for name in space}


def _inner(distribution: dict, value: Any) -> Any:
    """What Optuna knows a value as: the place of a choice, or a number within the bounds."""
    if distribution["type"] == "choice":
        return distribution["values"].index(value)
    return min(max(value, distribution["min_value"]), distribution["max_value"])


def _outer(distribution: dict, value: Any) -> Any:
    if distribution["type"] == "choice":
        return distribution["values"][value]
    return rounded(value, distribution["q"]) if "q" in distribution else value
