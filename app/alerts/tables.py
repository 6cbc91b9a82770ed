"""Rules that say of which runs somebody is told, and of which runs each has told already."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.clock import now


class AlertRule(Base):
    """`on` is what happens to a run, a key of `conditions.OCCASIONS`. `experiment_id`, `job_id` and `filter` (in the
    language of run search) narrow the runs; `metric` to `count` are of the occasion `metric`, `minutes` of `stalled`.
    Of `conditions.ENDPOINT_OCCASIONS`, which `endpoint_name` narrows, `minutes` is the time that is looked back on,
    `threshold` a share in percent or milliseconds, and `count` how many requests there are at least.
    """

    __tablename__ = "alert_rules"
    __table_args__ = (Index(None, "workspace_id", "on"), Index(None, "on", "muted"))

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    on: Mapped[str]
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    endpoint_name: Mapped[str | None]
    filter: Mapped[str] = mapped_column(default="")
    metric: Mapped[str | None]
    aggregate: Mapped[str] = mapped_column(default="last")
    operator: Mapped[str] = mapped_column(default=">")
    threshold: Mapped[float | None]
    count: Mapped[int] = mapped_column(default=1)
    minutes: Mapped[int | None]
    emails: Mapped[list] = mapped_column(default=list)
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    muted: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    experiment: Mapped[Experiment | None] = relationship(lazy="joined")
    job: Mapped[Job | None] = relationship(lazy="joined")


class AlertFiring(Base):
    """That a rule has told of a run: it does so once."""

    __tablename__ = "alert_firings"

    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, index=True)
    at: Mapped[datetime] = mapped_column(default=now)


class EndpointFiring(Base):
    """That a rule has told of a deployment: once for as long as it `holds`, and again when it does so anew."""

    __tablename__ = "endpoint_firings"

    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(
        ForeignKey("online_endpoints.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    deployment: Mapped[str] = mapped_column(primary_key=True)
    holds: Mapped[bool] = mapped_column(default=True)
    times: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime] = mapped_column(default=now)
