"""The hyper-parameters of a sweep job, each with the distribution that its values are drawn from."""

from collections.abc import Mapping
from typing import Any

from app.jobs.specification.ports import PORT_NAME
from app.kit.sections import Section, kind_of

_BOUNDS, _BELL = ("min_value", "max_value"), ("mu", "sigma")
DISTRIBUTIONS = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": _BOUNDS,
    "loguniform": _BOUNDS,
    "quniform": (*_BOUNDS, "q"),
    "qloguniform": (*_BOUNDS, "q"),
    "normal": _BELL,
    "lognormal": _BELL,
    "qnormal": (*_BELL, "q"),
    "qlognormal": (*_BELL, "q"),
}
# Which distributions a sampling algorithm can take, as in Azure ML; `random` takes all.
TAKEN_BY = {"grid": ("choice",), "bayesian": ("choice", "uniform", "quniform")}


def read_search_space(file: Section, sampling: str) -> dict[str, dict[str, Any]]:
    """Every usable hyper-parameter with its `type` and the numbers of its distribution."""
    space = file.section("search_space")
    if not space.values:
        file.wrong(
            "search_space", "is missing; give at least one, as in `lr: {type: uniform, min_value: 0, max_value: 1}`."
        )
    found = {}
    for name, value in space.values.items():
        if not PORT_NAME.fullmatch(name):
            space.wrong(name, "is not a name that expressions can use: take letters, digits and '_', no digit first.")
        elif not isinstance(value, Mapping):
            space.wrong(
                name,
                f"must be a mapping with `type`, such as `{{type: choice, values: [1, 2]}}`, not {kind_of(value)}.",
            )
        elif read := _distribution(space.section(name), sampling):
            found[name] = read
    return found


def _distribution(part: Section, sampling: str) -> dict[str, Any] | None:
    kind = part.choice("type", DISTRIBUTIONS)
    if kind is None:
        if "type" not in part:
            part.wrong("type", f"is missing; it must be one of: {', '.join(DISTRIBUTIONS)}.")
        return None
    part.check_fields(("type", *DISTRIBUTIONS[kind]))
    allowed = TAKEN_BY.get(sampling)
    if allowed and kind not in allowed:
        part.wrong("type", f"is {kind!r}, which {sampling} sampling cannot take; it takes: {', '.join(allowed)}.")
        return None
    if kind == "choice":
        return _choice(part, sampling)
    if kind == "randint":
        upper = part.integer("upper", least=1)
        if "upper" not in part:
            part.wrong("upper", "is missing; values are whole numbers from 0 to below it.")
        return {"type": kind, "upper": upper} if upper else None
    return _continuous(part, kind)


def _choice(part: Section, sampling: str) -> dict[str, Any] | None:
    values = part.values.get("values")
    if not isinstance(values, list) or not values:
        part.wrong("values", "must be a list of at least one value.")
        return None
    if any(value is None or isinstance(value, list) for value in values):
        part.wrong("values", "holds something other than text, numbers, booleans and mappings of names to these.")
        return None
    if sampling != "random" and any(isinstance(value, dict) for value in values):
        part.wrong("values", f"holds a mapping, a nested search space, which {sampling} sampling cannot take.")
        return None
    read = [_nested(part, at, value) if isinstance(value, dict) else value for at, value in enumerate(values)]
    return None if None in read else {"type": "choice", "values": read}


def _nested(part: Section, at: int, value: dict) -> dict[str, Any] | None:
    """A search space within a choice: each name with a value, or a distribution of its own."""
    inner = Section(part.problems, value, (*part.path, "values", at), part.what)
    found = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            found[name] = _distribution(inner.section(name), "random")
        elif item is None or isinstance(item, list):
            inner.wrong(name, f"must be text, a number, a boolean or a distribution, not {kind_of(item)}.")
            return None
        else:
            found[name] = item
    return None if None in found.values() else found


def _continuous(part: Section, kind: str) -> dict[str, Any] | None:
    numbers = {name: number(part, name) for name in DISTRIBUTIONS[kind]}
    if None in numbers.values():
        return None
    if "min_value" in numbers and numbers["min_value"] >= numbers["max_value"]:
        part.wrong("max_value", f"is {numbers['max_value']}; it must be more than min_value, {numbers['min_value']}.")
        return None
    if kind in ("loguniform", "qloguniform") and numbers["max_value"] > 700:
        part.wrong("max_value", f"is {numbers['max_value']}; it is an exponent, so give at most 700.")
        return None
    for name in ("q", "sigma"):
        if name in numbers and numbers[name] <= 0:
            part.wrong(name, f"is {numbers[name]}; it must be more than 0.")
            return None
    return {"type": kind, **numbers}


def number(part: Section, name: str, *, required: bool = True) -> float | None:
    """A number, or None where it is missing or none, which is noted."""
    value = part.values.get(name)
    if value is None:
        if required:
            part.wrong(name, f"is missing; {part.what} needs this number.")
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        part.wrong(name, f"is {part.values[name]!r}; it must be a number.")
        return None
    return value
