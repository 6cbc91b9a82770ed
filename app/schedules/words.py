"""What a trigger says, in words."""

from collections.abc import Iterable, Sequence

from app.schedules import cron
from app.schedules.triggers import WEEK_DAYS, Trigger

_MOST_TIMES = 6


def in_words(trigger: Trigger) -> str:
    """Such as `every 2 weeks on Monday and Friday at 09:00`, without the time zone."""
    return _of_cron(trigger) if trigger.type == "cron" else _of_recurrence(trigger)


def _of_recurrence(trigger: Trigger) -> str:
    unit = trigger.frequency
    words = f"every {unit}" if trigger.interval == 1 else f"every {trigger.interval} {unit}s"
    if unit in ("minute", "hour"):
        return words
    days = [name.title() for name in trigger.week_days] + [f"day {day}" for day in sorted(trigger.month_days)]
    if days:
        words += f" on {_listed(days)}"
    if trigger.hours or trigger.minutes:
        hours, minutes = trigger.hours or (None,), trigger.minutes or (0,)
        words += f" at {_times(hours, minutes)}" if trigger.hours else f" at minute {_listed(map(str, minutes))}"
    return words


def _of_cron(trigger: Trigger) -> str:
    said = cron.parse(trigger.expression)
    if len(said.hours) * len(said.minutes) > _MOST_TIMES and len(said.hours) < 24:
        return f"by the cron expression {trigger.expression}"
    if len(said.hours) == 24:
        words = _within_hours(sorted(said.minutes))
    elif len(said.week_days) == 7 and len(said.month_days) == 31:
        words = f"every day at {_times(sorted(said.hours), sorted(said.minutes))}"
    else:
        words = f"at {_times(sorted(said.hours), sorted(said.minutes))}"
    if len(said.week_days) < 7:
        words += f" on {_week_days(said.week_days)}"
    if len(said.month_days) < 31:
        words += f" on day {_listed(map(str, sorted(said.month_days)))} of the month"
    if len(said.months) < 12:
        words += f" in {_listed(cron.MONTHS[month - 1].title() for month in sorted(said.months))}"
    return words


def _within_hours(minutes: Sequence[int]) -> str:
    if len(minutes) == 60:
        return "every minute"
    step = 60 // len(minutes)
    if len(minutes) > 1 and list(minutes) == list(range(0, 60, step)):
        return f"every {step} minutes"
    return f"every hour at minute {_listed(map(str, minutes))}"


def _week_days(days: Iterable[int]) -> str:
    """From cron's numbers, with 0 for Sunday; neighbours as a range."""
    numbers = sorted((day - 1) % 7 for day in days)
    names = [WEEK_DAYS[number].title() for number in numbers]
    is_range = len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1
    return f"{names[0]} to {names[-1]}" if is_range else _listed(names)


def _times(hours: Iterable[int], minutes: Iterable[int]) -> str:
    minutes = list(minutes)
    return _listed(f"{hour:02}:{minute:02}" for hour in hours for minute in minutes)


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
