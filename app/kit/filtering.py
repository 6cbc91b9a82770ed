"""The filter and order language of MLflow's searches, parsed, and turned into SQL conditions.

Source of the grammar: mlflow/utils/search_utils.py. A filter is comparisons joined by AND.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Boolean, ColumnElement, false, not_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.errors import Invalid

_NAME = r"""(?:`([^`]+)`|"([^"]+)"|([^\s=<>!~()'"`.,]+))"""
_KEY = r"""(?:`([^`]+)`|"([^"]+)"|([^\s=<>!~()'"`,]+))"""
_IDENTIFIER = re.compile(rf"\s*{_NAME}(?:\.{_KEY})?")
_OPERATOR = re.compile(
    r"\s*(NOT\s+IN\b|IN\b|IS\s+NOT\s+NULL\b|IS\s+NULL\b|NOT\s+I?LIKE\b|I?LIKE\b|[=<>!~]+|\w+)", re.IGNORECASE
)
_VALUE = re.compile(
    r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.]))"""
)
_AND = re.compile(r"\s+AND\s+", re.IGNORECASE)
_ORDER = re.compile(rf"\s*{_NAME}(?:\.{_KEY})?(?:\s+(\w+))?\s*", re.IGNORECASE)

NUMERIC = (">", ">=", "!=", "=", "<", "<=")
TEXT = ("!=", "=", "LIKE", "ILIKE")
LISTS = ("IN", "NOT IN")
NULLS = ("IS NULL", "IS NOT NULL")


class InvalidFilter(Invalid):
    """`at` is the place in the filter, counted from 0, where it goes wrong; `hint` says what belongs there."""

    code = "Invalid"

    def __init__(self, message: str, at: int, hint: str) -> None:
        super().__init__(message, target="filter")
        self.at = at
        self.hint = hint


@dataclass(frozen=True)
class Comparison:
    """`entity` is what stands before the dot (empty for a bare key).

    `at` is where it begins in the filter, and the others are where its parts do: `values_at` holds one place
    for each value of a list.
    """

    entity: str
    key: str
    operator: str
    value: Any
    at: int = 0
    key_at: int = field(default=0, compare=False)
    operator_at: int = field(default=0, compare=False)
    values_at: tuple[int, ...] = field(default=(0,), compare=False)

    def wrong_value(self, message: str, index: int = 0) -> InvalidFilter:
        """What to raise for a value that does not fit; `index` is its place in a list."""
        return InvalidFilter(message, self.values_at[index], message)


@dataclass(frozen=True)
class Order:
    entity: str
    key: str
    ascending: bool


def parse_filter(text: str | None) -> list[Comparison]:
    """The comparisons of a filter; raises Invalid that names the character where it goes wrong."""
    found: list[Comparison] = []
    at = 0
    text = (text or "").strip()
    while at < len(text):
        if found:
            joined = _AND.match(text, at)
            if not joined:
                raise _wrong(text, at, "comparisons are joined by AND")
            at = joined.end()
        comparison, at = _comparison(text, at)
        found.append(comparison)
    return found


def _comparison(text: str, at: int) -> tuple[Comparison, int]:
    name = _IDENTIFIER.match(text, at)
    if not name:
        raise _wrong(text, at, "a comparison begins with a key such as metrics.loss, params.lr or tags.team")
    operator = _OPERATOR.match(text, name.end())
    if not operator:
        raise _wrong(text, name.end(), "after the key comes a comparator such as =, !=, > or LIKE")
    sign = re.sub(r"\s+", " ", operator[1]).upper()
    end = operator.end()
    value, values_at = None, (end,)
    if sign in LISTS:
        value, values_at, end = _list(text, end)
    elif sign not in NULLS:
        values_at = (_begin(text, end),)
        value, end = _value(text, end)
    entity, key = _split(name.groups())
    return Comparison(entity, key, sign, value, _begin(text, at), _key_at(name), operator.start(1), values_at), end


def _begin(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _key_at(name: re.Match) -> int:
    """Where the key begins, its quote included."""
    index = next(index for index in (4, 5, 6, 1, 2, 3) if name[index] is not None)
    return name.start(index) - (index not in (3, 6))


def _split(groups: tuple) -> tuple[str, str]:
    first, second = _first(groups[:3]), _first(groups[3:6])
    return (first, second) if second is not None else ("", first)


def _first(groups: tuple) -> str | None:
    return next((group for group in groups if group is not None), None)


def _value(text: str, at: int) -> tuple[Any, int]:
    found = _VALUE.match(text, at)
    if not found:
        raise _wrong(text, at, "after the comparator comes a number or a text in quotes")
    if found[1] is not None:
        return found[1].replace("''", "'"), found.end()
    if found[2] is not None:
        return found[2].replace('""', '"'), found.end()
    number = float(found[3])
    return (int(found[3]) if found[3].lstrip("+-").isdigit() else number), found.end()


def _list(text: str, at: int) -> tuple[tuple, tuple[int, ...], int]:
    """The values, where each begins, and where the list ends."""
    opening = re.compile(r"\s*\(").match(text, at)
    if not opening:
        raise _wrong(text, at, "IN is followed by a list in parentheses, such as ('a', 'b')")
    values, places, at = [], [], opening.end()
    while True:
        places.append(_begin(text, at))
        value, at = _value(text, at)
        values.append(value)
        mark = re.compile(r"\s*([,)])").match(text, at)
        if not mark:
            raise _wrong(text, at, "the list is separated by commas and ends with a parenthesis")
        at = mark.end()
        if mark[1] == ")":
            return tuple(values), tuple(places), at


def _wrong(text: str, at: int, hint: str) -> InvalidFilter:
    message = (
        f"Invalid filter string: {text!r}. It goes wrong at character {at + 1}, "
        f"before {text[at : at + 20].strip()!r}: {hint}."
    )
    return InvalidFilter(message, at, hint)


def parse_order(text: str) -> Order:
    """`metrics.loss DESC` and the like; ascending where nothing is said."""
    found = _ORDER.fullmatch(text)
    direction = (found[7] or "ASC").upper() if found else ""
    if direction not in ("ASC", "DESC"):
        raise Invalid(
            f"Invalid order_by clause {text!r}. It is a key such as metrics.loss or start_time, then ASC or DESC.",
            target="order_by",
        )
    return Order(*_split(found.groups()), direction == "ASC")


def check_operator(comparison: Comparison, allowed: tuple[str, ...]) -> None:
    if comparison.operator not in allowed:
        message = (
            f"Invalid comparator '{comparison.operator}' for {comparison.key!r} at character "
            f"{comparison.operator_at + 1}; valid are {', '.join(allowed)}."
        )
        raise InvalidFilter(message, comparison.operator_at, message)


def check_numeric(comparison: Comparison) -> None:
    check_operator(comparison, NUMERIC)
    if not isinstance(comparison.value, int | float):
        raise comparison.wrong_value(f"Expected a numeric value for {comparison.key!r}. Found {comparison.value!r}.")


def check_text(comparison: Comparison, allowed: tuple[str, ...] = (*TEXT, *LISTS)) -> None:
    check_operator(comparison, allowed)
    values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    for index, value in enumerate(values if comparison.operator not in NULLS else ()):
        if not isinstance(value, str):
            message = f"Expected a text in quotes for {comparison.key!r}. Found {comparison.value!r}."
            raise comparison.wrong_value(message, index)


class _Like(FunctionElement):
    """LIKE that heeds upper and lower case on every database."""

    type = Boolean()
    inherit_cache = True
    name = "like_exactly"


@compiles(_Like)
def _like(element, compiler, **options) -> str:
    column, pattern = list(element.clauses)
    return f"({compiler.process(column, **options)} LIKE {compiler.process(pattern, **options)})"


@compiles(_Like, "sqlite")
def _like_sqlite(element, compiler, **options) -> str:
    column, pattern = list(element.clauses)
    glob = compiler.process(pattern, **options)
    for plain, special in (("[", "[[]"), ("*", "[*]"), ("?", "[?]"), ("%", "*"), ("_", "?")):
        glob = f"replace({glob}, '{plain}', '{special}')"
    return f"({compiler.process(column, **options)} GLOB {glob})"


def condition(column: ColumnElement, comparison: Comparison) -> ColumnElement[bool]:
    """The SQL of a comparison whose operator and value were checked."""
    value = comparison.value
    match comparison.operator:
        case "=":
            return column == value
        case "!=":
            return column != value
        case ">":
            return column > value
        case ">=":
            return column >= value
        case "<":
            return column < value
        case "<=":
            return column <= value
        case "LIKE":
            return _Like(column, value)
        case "ILIKE":
            return column.ilike(value)
        case "IN":
            return column.in_(value)
        case "NOT IN":
            return not_(column.in_(value))
        case "IS NULL":
            return column.is_(None)
        case "IS NOT NULL":
            return column.is_not(None)
    return false()
