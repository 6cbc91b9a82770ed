"""When a trigger is due. Pure: knows neither the database nor what time it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from app.schedules import cron
from app.schedules.zones import zone_of

WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The longest wait for a day that comes at all: a 29 February, over a century that has none.
_HORIZON_DAYS = 366 * 9
_EVENLY = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_AT_ONCE = timedelta(microseconds=1)


@dataclass(frozen=True)
class Trigger:
    """A trigger as files hold it, normalised.

    `start` and `end` are moments of the wall clock in `time_zone`, without a zone of their own. `hours`, `minutes`,
    `week_days` (names) and `month_days` are of a recurrence, empty where nothing is said.
    """

    type: str
    time_zone: str = "UTC"
    start: str | None = None
    end: str | None = None
    expression: str | None = None
    frequency: str | None = None
    interval: int = 1
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    week_days: tuple[str, ...] = ()
    month_days: tuple[int, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.time_zone)


def occurrences(trigger: Trigger, created: datetime, after: datetime) -> Iterator[datetime]:
    """The moments, in UTC, at which a trigger made at `created` is due, later than `after`, in order.

    A wall-clock time that a change of the clock leaves out comes as much later as the clock was put forward; of one
    that comes twice the first counts, except in a pattern that holds in every hour. Minutes and hours of a recurrence
    are counted evenly from its start, which is `created` where the file says none: then the first comes at once, as in
    Azure ML. So it does with days, weeks and months without a pattern.
    """
    zone = trigger.zone
    local = datetime.fromisoformat(trigger.start) if trigger.start else _local(created, zone)
    start = local.replace(tzinfo=zone).astimezone(UTC)
    end = datetime.fromisoformat(trigger.end).replace(tzinfo=zone).astimezone(UTC) if trigger.end else None
    after = max(after, start - _AT_ONCE)
    if trigger.frequency in _EVENLY:
        found = _evenly(start, trigger.interval * _EVENLY[trigger.frequency], after)
    else:
        found = _calendar(*_pattern(trigger, local), zone, after)
    for at in found:
        if end and at > end:
            return
        if at > after:
            yield at


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0)


def _evenly(start: datetime, step: timedelta, after: datetime) -> Iterator[datetime]:
    at = start + max(0, (after - start) // step) * step
    while True:
        yield at
        at += step


def _pattern(trigger: Trigger, start: datetime) -> tuple[list[time], Callable[[date], bool]]:
    """The times of a day, and whether a day is one."""
    if trigger.type == "cron":
        said = cron.parse(trigger.expression)
        return _times(said.hours, said.minutes), partial(_is_cron_day, said)
    is_day = {"day": _nth_day, "week": _nth_week, "month": _nth_month}[trigger.frequency](trigger, start.date())
    if not trigger.hours and not trigger.minutes:
        return [start.time()], is_day
    return _times(trigger.hours or (start.hour,), trigger.minutes or (0,)), is_day


def _times(hours: Iterable[int], minutes: Iterable[int]) -> list[time]:
    return [time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]


def _is_cron_day(said: cron.Cron, day: date) -> bool:
    return day.month in said.months and day.day in said.month_days and day.isoweekday() % 7 in said.week_days


def _nth_day(trigger: Trigger, start: date) -> Callable[[date], bool]:
    return lambda day: (day - start).days % trigger.interval == 0


def _nth_week(trigger: Trigger, start: date) -> Callable[[date], bool]:
    days = {WEEK_DAYS.index(name) for name in trigger.week_days} or {start.weekday()}
    monday = start - timedelta(days=start.weekday())
    return lambda day: (day - monday).days // 7 % trigger.interval == 0 and day.weekday() in days


def _nth_month(trigger: Trigger, start: date) -> Callable[[date], bool]:
    named = {WEEK_DAYS.index(name) for name in trigger.week_days}
    numbered = set(trigger.month_days) or (set() if named else {start.day})

    def is_day(day: date) -> bool:
        months = (day.year - start.year) * 12 + day.month - start.month
        return months % trigger.interval == 0 and (day.day in numbered or day.weekday() in named)

    return is_day


def _calendar(
    times: Sequence[time], is_day: Callable[[date], bool], zone: ZoneInfo, after: datetime
) -> Iterator[datetime]:
    folds = (0, 1) if len({at.hour for at in times}) == 24 else (0,)
    # A day earlier, as a clock that is put back makes a day's last moments those of the next.
    first = after.astimezone(zone).date() - timedelta(days=1)
    for day in (first + timedelta(days=number) for number in range(_HORIZON_DAYS)):
        if is_day(day):
            moments = (datetime.combine(day, at).replace(tzinfo=zone, fold=fold) for at in times for fold in folds)
            yield from sorted({moment.astimezone(UTC) for moment in moments})
