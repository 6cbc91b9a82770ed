"""Schedule files of Azure ML CLI v2: read, checked and normalised, with no database and no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.assets.names import NAME
from app.errors import Invalid
from app.kit.documents import read
from app.kit.sections import Problems, Section, kind_of
from app.schedules import cron
from app.schedules.triggers import WEEK_DAYS, Trigger
from app.schedules.zones import zone_of

FIELDS = ("name", "display_name", "description", "tags", "properties", "trigger", "create_job")
_SET_BY_SERVER = ("creation_context", "id", "is_enabled", "provisioning_state")
_COMMON = ("type", "start_time", "end_time", "time_zone")
_FREQUENCIES = ("minute", "hour", "day", "week", "month")
# Half a century: more would not fit into a date, and is meant by nobody.
_MOST_INTERVAL = {"minute": 26_000_000, "hour": 438_000, "day": 18_250, "week": 2_600, "month": 600}


@dataclass(frozen=True)
class ScheduleFile:
    """`job` is what `create_job` names: a job of the server (`azureml:NAME`), a path, or None for one written out.

    `changes` are its other fields: what differs from that job, or the whole job.
    """

    name: str
    display_name: str | None
    description: str
    tags: dict[str, str]
    properties: dict[str, str]
    trigger: Trigger
    job: str | None
    changes: dict[str, Any]
    warnings: tuple[str, ...]


def load_schedule(source: str | Mapping[str, Any], source_name: str = "schedule.yml") -> ScheduleFile:
    """Raises Invalid: the message says line, column and field of the first problem, `details` hold the others."""
    document = read(source, source_name)
    if not isinstance(document.value, dict):
        raise Invalid(
            f"{source_name}: a schedule file is a mapping of fields such as `name: nightly`; it holds "
            f"{kind_of(document.value)}.",
            target="name",
        )
    problems = Problems(document)
    file = Section(problems, document.value, what="a schedule")
    file.check_fields(FIELDS, _SET_BY_SERVER)
    for kind in ("create_monitor", "import_data"):
        if kind in file:
            file.wrong(kind, "is not run by this server; a schedule has `create_job`.")
    name = file.text("name", required=True)
    if name is not None and not NAME.fullmatch(name):
        file.wrong("name", f"is {name!r}; use letters, digits, '_', '-' and '.', not '_' first.")
    trigger = _trigger(file)
    job, changes = _create_job(file)
    found = ScheduleFile(
        name or "", file.text("display_name"), file.text("description") or "", file.texts("tags"),
        file.texts("properties"), trigger, job, changes, (),
    )  # fmt: skip
    problems.raise_found()
    return ScheduleFile(**{**vars(found), "warnings": tuple(dict.fromkeys(problems.warnings))})


def _create_job(file: Section) -> tuple[str | None, dict[str, Any]]:
    said = file.values.get("create_job")
    if isinstance(said, str):
        return said, {}
    if not isinstance(said, dict) or not said:
        file.wrong("create_job", "is missing; name a job file, `azureml:JOB`, or write the job out.")
        return None, {}
    job = said.get("job")
    if job is not None and not isinstance(job, str):
        file.section("create_job").wrong("job", f"must be a path or `azureml:JOB`, not {kind_of(job)}.")
        return None, {}
    # The type says of which schema the changes are, and is no change of the job.
    left_out = ("job", "type") if job else ()
    return job, {key: value for key, value in said.items() if key not in left_out}


def _trigger(file: Section) -> Trigger:
    said = file.section("trigger", "a trigger")
    if "trigger" not in file:
        file.wrong("trigger", "is missing; it says when, such as `{type: cron, expression: '0 9 * * 1-5'}`.")
        return Trigger("cron", expression="* * * * *")
    kind = said.choice("type", ("cron", "recurrence"), _kind(said.values))
    if kind is None:
        said.text("type", required=True)
    common = {"time_zone": _zone(said), "start": _moment(said, "start_time"), "end": _moment(said, "end_time")}
    if common["start"] and common["end"] and common["end"] < common["start"]:
        said.wrong("end_time", "is before `trigger.start_time`.")
    if kind == "recurrence":
        said.check_fields((*_COMMON, "frequency", "interval", "schedule"))
        return _recurrence(said, common)
    said.check_fields((*_COMMON, "expression"))
    return Trigger("cron", **common, expression=_expression(said))


def _kind(values: dict[str, Any]) -> str | None:
    return "cron" if "expression" in values else "recurrence" if "frequency" in values else None


def _expression(said: Section) -> str:
    text = said.text("expression", required=True) or "* * * * *"
    try:
        cron.parse(text)
    except Invalid as error:
        said.wrong("expression", f"is wrong: {error.message.partition(': ')[2]}")
    return text


def _zone(said: Section) -> str:
    name = said.text("time_zone") or "UTC"
    try:
        zone_of(name)
    except Invalid as error:
        said.wrong("time_zone", f"is wrong: {error.message.partition(': ')[2]}")
        return "UTC"
    return name


def _moment(said: Section, name: str) -> str | None:
    """A moment of the wall clock in the trigger's zone, as ISO 8601; one with an offset is brought there."""
    text = said.text(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo:
            at = at.astimezone(zone_of(_zone(said))).replace(tzinfo=None)
        # Far from the ends of the calendar, so that sums with it are moments too.
        if not 1970 <= at.year <= 9000:
            raise ValueError
    except (ValueError, OverflowError):
        said.wrong(name, f"is {text!r}; write it as `2030-01-31T09:00:00`, in the trigger's time zone.")
        return None
    return (at - timedelta(microseconds=at.microsecond)).isoformat()


def _recurrence(said: Section, common: dict[str, Any]) -> Trigger:
    frequency = said.choice("frequency", _FREQUENCIES)
    if frequency is None:
        said.text("frequency", required=True)
        frequency = "day"
    interval = said.integer("interval", least=1)
    if interval is None and "interval" not in said:
        said.wrong("interval", f"is missing; `1` is every {frequency}.")
    elif interval and interval > _MOST_INTERVAL[frequency]:
        said.wrong("interval", f"is {interval}; at most every {_MOST_INTERVAL[frequency]} {frequency}s.")
        interval = 1
    pattern = said.section("schedule", "a pattern of a recurrence")
    pattern.check_fields(("hours", "minutes", "week_days", "month_days"))
    found = {
        "hours": _numbers(pattern, "hours", 0, 23),
        "minutes": _numbers(pattern, "minutes", 0, 59),
        "week_days": _week_days(pattern),
        "month_days": _numbers(pattern, "month_days", 1, 31),
    }
    if frequency in ("minute", "hour") and any(found.values()):
        said.wrong("schedule", f"says hours and days, which a frequency of {frequency} has none of; use day or more.")
    if frequency in ("day", "week") and found["month_days"]:
        pattern.wrong("month_days", f"holds only with the frequency month, not {frequency}.")
    if frequency == "day" and found["week_days"]:
        pattern.wrong("week_days", "holds only with the frequency week or month, not day.")
    return Trigger("recurrence", **common, frequency=frequency, interval=interval or 1, **found)


def _items(section: Section, name: str) -> list[Any]:
    value = section.values.get(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _numbers(section: Section, name: str, low: int, high: int) -> tuple[int, ...]:
    items = _items(section, name)
    wrong = [item for item in items if isinstance(item, bool) or not isinstance(item, int) or not low <= item <= high]
    if wrong:
        section.wrong(name, f"holds {wrong[0]!r}; it must be whole numbers from {low} to {high}.")
        return ()
    return tuple(sorted(set(items)))


def _week_days(section: Section) -> tuple[str, ...]:
    items = [str(item).lower() for item in _items(section, "week_days")]
    wrong = [item for item in items if item not in WEEK_DAYS]
    if wrong:
        section.wrong("week_days", f"holds {wrong[0]!r}; it must be of {', '.join(WEEK_DAYS)}.")
        return ()
    return tuple(sorted(set(items), key=WEEK_DAYS.index))
