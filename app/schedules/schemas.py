"""Schedules as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.schedules import queries
from app.schedules.tables import Schedule, ScheduleRun
from app.schedules.words import in_words


class ScheduleSave(BaseModel):
    """A schedule file as text; `uploads` has the text of its job file and where local paths were uploaded to."""

    yaml: str
    uploads: dict[str, str] = Field(default_factory=dict)


class ScheduleRead(BaseModel):
    name: str
    display_name: str
    description: str
    tags: dict[str, str]
    properties: dict[str, str]
    trigger: dict
    when: str = Field(description="The trigger in words, in its time zone.")
    create_job: str | dict
    is_enabled: bool
    next_run: datetime | None
    next_runs: list[datetime]
    warnings: list[str] = []
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, schedule: Schedule, warnings: tuple[str, ...] = ()) -> "ScheduleRead":
        own = {name: getattr(schedule, name) for name in cls.model_fields if hasattr(schedule, name) and name != "when"}
        job: str | dict = {"job": f"azureml:{schedule.source_job}"} if schedule.source_job else {}
        return cls(
            **{
                **own,
                "trigger": trigger_fields(schedule),
                "when": f"{in_words(schedule.when)} ({schedule.when.time_zone})",
                "create_job": {**job, **schedule.changes},
                "next_run": schedule.next_at,
                "next_runs": queries.coming(schedule),
                "warnings": list(warnings),
            }
        )


def trigger_fields(schedule: Schedule) -> dict:
    """The trigger under the names of its file."""
    when = schedule.when
    common = {"type": when.type, "start_time": when.start, "end_time": when.end, "time_zone": when.time_zone}
    if when.type == "cron":
        return {**common, "expression": when.expression}
    pattern = {key: list(getattr(when, key)) for key in ("hours", "minutes", "week_days", "month_days")}
    pattern = {key: value for key, value in pattern.items() if value}
    return {**common, "frequency": when.frequency, "interval": when.interval, "schedule": pattern or None}


class ScheduleRunRead(BaseModel):
    due_at: datetime
    created_at: datetime
    triggered_by: str | None
    job: str | None
    status: str | None
    missed: int = Field(description="Earlier times that passed while no worker was up, for which this run makes up.")
    missed_from: datetime | None
    error: str | None

    @classmethod
    def of(cls, run: ScheduleRun) -> "ScheduleRunRead":
        own = {name: getattr(run, name) for name in cls.model_fields if name not in ("job", "status")}
        return cls(**own, job=run.job.name if run.job else None, status=run.job.status if run.job else None)
