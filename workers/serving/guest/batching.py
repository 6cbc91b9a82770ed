"""Predicts for several requests at once, where a model answers each row as it would answer it alone."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from . import answers
from .signature import Table

MOST_REQUESTS = 64
MOST_ROWS = 1024
"""Of one call of `predict`; a request that has more has a call of its own."""
NUMBERS_DIFFER = 1e-4
log = logging.getLogger("scoring")


class Predictor(Protocol):
    """`read` gives what `predict` takes; `batches` says whether its rows may belong to several requests."""

    batches: bool

    def read(self, raw: bytes, content_type: str) -> "Given": ...

    def predict(self, given: "Given") -> Any: ...


@dataclass(frozen=True)
class Given:
    """`value` is an array, a DataFrame, a Table or nested lists; `field` of the body holds it."""

    value: Any
    field: str = "body"
    params: dict | None = None

    @property
    def rows(self) -> int:
        return len(self.value.rows if isinstance(self.value, Table) else self.value)


def attempt(work: Callable, *arguments: Any) -> Any:
    """What it returns, or the error that it raises: that of one request is nothing to the others."""
    try:
        return work(*arguments)
    except StopIteration as error:
        return RuntimeError(f"StopIteration: {error}")
    except Exception as error:
        return error
    except BaseException as error:
        # Code that asks for the end of the process gets that of its request.
        return RuntimeError(f"{type(error).__name__}: {error}")


class Batches:
    """What one model has shown of itself: its first batch is also predicted one by one, and has to agree."""

    def __init__(self, model: Predictor) -> None:
        self._model = model
        self._has_agreed = False

    def predict(self, given: list[Given]) -> list[Any]:
        """Predictions in the order of `given`, an exception in the place of one that has none."""
        found: list[Any] = []
        for group in _groups(given):
            found += self._together(group) or [attempt(self._model.predict, one) for one in group]
        return found

    def _together(self, group: list[Given]) -> list[Any] | None:
        """None where each has to be predicted alone."""
        value = _joined([given.value for given in group]) if len(group) > 1 and self._model.batches else None
        if value is None:
            return None
        try:
            found = _split(self._model.predict(Given(value, group[0].field)), [given.rows for given in group])
        except Exception:
            # One that is wrong costs the others their batch, not their answer.
            return None
        if self._has_agreed:
            return found
        single = [attempt(self._model.predict, given) for given in group]
        if any(isinstance(one, Exception) for one in single):
            return single
        self._has_agreed = found is not None and _alike(answers.plain(found), answers.plain(single))
        if not self._has_agreed:
            self._model.batches = False
            log.info("the model answers batches in another way than single requests, so it gets none")
        return single


def _groups(given: list[Given]) -> list[list[Given]]:
    groups: list[list[Given]] = []
    count = MOST_ROWS
    for one in given:
        rows = max(1, one.rows) if _has_rows(one) else MOST_ROWS
        if count + rows > MOST_ROWS:
            groups.append([])
            count = 0
        groups[-1].append(one)
        count += rows
    return groups


def _has_rows(given: Given) -> bool:
    value = given.value
    if given.params or isinstance(value, dict):
        return False
    if isinstance(value, list):
        return bool(value) and all(isinstance(row, list) for row in value)
    return isinstance(value, Table) or getattr(value, "ndim", 0) > 1


def _joined(values: list[Any]) -> Any:
    """One value with the rows of all, or None where they are not of one form."""
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        return None
    if isinstance(first, list):
        return [row for value in values for row in value]
    if isinstance(first, Table):
        if any(value.columns != first.columns or value.is_text != first.is_text for value in values):
            return None
        return Table(first.columns, [row for value in values for row in value.rows], first.field, first.is_text)
    if hasattr(first, "iloc"):
        return _joined_frames(values)
    import numpy

    if any(value.dtype != first.dtype or value.shape[1:] != first.shape[1:] for value in values):
        return None
    return numpy.concatenate(values)


def _joined_frames(frames: list[Any]) -> Any:
    import pandas

    first = frames[0]
    if any(not frame.dtypes.equals(first.dtypes) for frame in frames):
        return None
    return pandas.concat(frames, ignore_index=True)


def _split(found: Any, counts: list[int]) -> list[Any] | None:
    """The rows of each request, or None where the predictions are not one a row."""
    shape = getattr(found, "shape", None)
    length = shape[0] if shape else len(found) if isinstance(found, list) else None
    if length != sum(counts):
        return None
    found = getattr(found, "iloc", found)
    places = [sum(counts[:number]) for number in range(len(counts) + 1)]
    return [found[start:end] for start, end in pairwise(places)]


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=NUMBERS_DIFFER, abs_tol=NUMBERS_DIFFER)
    return one == other
