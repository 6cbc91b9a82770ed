"""Schedules, and each time that one was due."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.access.tables import Workspace
from app.database import Base
from app.jobs.tables import Job
from app.kit.clock import now
from app.schedules.triggers import Trigger


class Schedule(Base):
    """`trigger` holds the fields of `triggers.Trigger`. What it submits is the job `source_job` of the workspace with
    `changes` made in it, or where that is null, the job file `changes`, whose local paths `uploads` knows.

    `next_at` is null while nothing is to come: it is disabled, or over.
    """

    __tablename__ = "schedules"
    __table_args__ = (UniqueConstraint("workspace_id", "name"), Index(None, "next_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    display_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    properties: Mapped[dict] = mapped_column(default=dict)
    trigger: Mapped[dict]
    source_job: Mapped[str | None]
    changes: Mapped[dict] = mapped_column(default=dict)
    uploads: Mapped[dict] = mapped_column(default=dict)
    source_yaml: Mapped[str]
    is_enabled: Mapped[bool] = mapped_column(default=True)
    next_at: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    workspace: Mapped[Workspace] = relationship()

    @property
    def when(self) -> Trigger:
        lists = ("hours", "minutes", "week_days", "month_days")
        return Trigger(**{key: tuple(value) if key in lists else value for key, value in self.trigger.items()})


class ScheduleRun(Base):
    """That a schedule was due at `due_at`, or was triggered by `triggered_by` then.

    `missed` earlier times, from `missed_from` on, had passed while no worker was up. `error` says why there is no job.
    """

    __tablename__ = "schedule_runs"
    __table_args__ = (Index(None, "schedule_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=now)
    triggered_by: Mapped[str | None]
    missed: Mapped[int] = mapped_column(default=0)
    missed_from: Mapped[datetime | None]
    error: Mapped[str | None]
    job: Mapped[Job | None] = relationship(lazy="joined")
