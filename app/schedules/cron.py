"""Cron expressions as NCronTab reads them, which Azure ML does: five fields, all of which must hold."""

import re
from dataclasses import dataclass

from app.errors import Invalid

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEK_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Name, lowest and highest value, and the words that stand for values from the lowest on.
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, WEEK_DAYS),
)
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")


@dataclass(frozen=True)
class Cron:
    """The values of each field; `week_days` from 0, Sunday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: frozenset[int]
    months: frozenset[int]
    week_days: frozenset[int]


def parse(expression: str) -> Cron:
    """`minute hour day month weekday`, each a list of `*`, values and ranges with `/step`.

    Raises Invalid that says which field is wrong.
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise _wrong(f"{expression!r} has {len(fields)} fields, not 5: minute, hour, day, month, day of the week.")
    return Cron(*(_values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)))


def _values(text: str, field: str, low: int, high: int, words: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _wrong(f"{part!r} is no {field}; use numbers from {low} to {high}, as in `5`, `1-5`, `*/2` or `1,3`.")
        every, first, last, step = match.groups()
        begin = low if every else _value(first, field, low, high, words)
        # As in NCronTab, `5/10` begins at 5 and goes on to the highest value.
        end = _value(last, field, low, high, words) if last else high if every or step else begin
        if end < begin or step == "0":
            raise _wrong(f"{part!r} is an empty range of the {field}.")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _value(text: str, field: str, low: int, high: int, words: tuple[str, ...]) -> int:
    if text.lower()[:3] in words:
        return words.index(text.lower()[:3]) + low
    if text.isdigit():
        value = int(text)
        if field == "day of the week" and value == 7:
            return 0
        if low <= value <= high:
            return value
    raise _wrong(f"{text!r} is no {field}; it must be from {low} to {high}.")


def _wrong(text: str) -> Invalid:
    return Invalid(f"trigger.expression: {text}", target="trigger.expression")
