"""A job: a command that a worker runs, or a run that somebody logs with MLflow. Both are runs."""

import re
from datetime import datetime

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.access.tables import Workspace
from app.database import Base
from app.experiments.tables import Experiment, Filed
from app.jobs.lifecycle import Priority, Status
from app.kit.clock import now

# Kept as its own name, so that a new state needs no change of the table.
StatusText = Enum(Status, native_enum=False, length=32, values_callable=lambda states: [item.value for item in states])


class Job(Filed, Base):
    """`name` is the run id of MLflow. `type` is `command`, or `run` for one that is logged from outside.

    `spec` is the normalised job file. `inputs` and `outputs` are resolved: `{name: {type, path, mode, …}}`.
    `error` is `{"message": one sentence, "detail": longer text or null}`.
    `compute` is the named one that counts it, None for serverless; `gpus` and `memory_bytes` are what each of its
    `instances` asks for, `devices` the GPUs that it holds.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("workspace_id", "name"),
        Index(None, "workspace_id", "created_at"),
        Index(None, "experiment_id", "lifecycle_stage", "created_at"),
        Index(None, "status", "lease_expires_at"),
        # The order in which workers take what waits.
        Index("ix_jobs_order", "status", "queue", "priority", "queued_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    display_name: Mapped[str]
    type: Mapped[str] = mapped_column(default="command")
    description: Mapped[str] = mapped_column(default="")
    status: Mapped[Status] = mapped_column(StatusText, default=Status.NOT_STARTED)
    lifecycle_stage: Mapped[str] = mapped_column(default="active")
    archived: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    properties: Mapped[dict] = mapped_column(default=dict)

    spec: Mapped[dict | None]
    source_yaml: Mapped[str | None]
    command: Mapped[str | None]
    code: Mapped[str | None]
    environment: Mapped[dict | None]
    inputs: Mapped[dict] = mapped_column(default=dict)
    outputs: Mapped[dict] = mapped_column(default=dict)
    warnings: Mapped[list] = mapped_column(default=list)
    timeout_seconds: Mapped[float | None]
    max_retries: Mapped[int] = mapped_column(default=0)

    queue: Mapped[str] = mapped_column(default="default", server_default="default")
    priority: Mapped[int] = mapped_column(default=Priority.MEDIUM, server_default="2")
    compute: Mapped[str | None]
    instances: Mapped[int] = mapped_column(default=1, server_default="1")
    gpus: Mapped[int] = mapped_column(default=0, server_default="0")
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    devices: Mapped[list | None]

    attempt: Mapped[int] = mapped_column(default=0)
    worker_id: Mapped[int | None] = mapped_column(index=True)
    lease_expires_at: Mapped[datetime | None]
    error: Mapped[dict | None]
    exit_code: Mapped[int | None]

    created_at: Mapped[datetime] = mapped_column(default=now)
    queued_at: Mapped[datetime | None]
    preparing_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finalizing_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    experiment: Mapped[Experiment] = relationship()
    workspace: Mapped[Workspace] = relationship()
    tags: Mapped[list["JobTag"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @property
    def tag_map(self) -> dict[str, str]:
        return {tag.key: tag.value for tag in self.tags}

    @property
    def written_command(self) -> str | None:
        """The command with the hyper-parameters of a sweep as its file names them: they are inputs of the trials."""
        space = (self.spec or {}).get("sweep", {}).get("search_space", {})

        def named(found: re.Match) -> str:
            return f"${{{{search_space.{found[1]}}}}}" if found[1] in space else found[0]

        return re.sub(r"\$\{\{\s*inputs\.(\w+)\s*\}\}", named, self.command) if self.command else self.command

    @property
    def duration_seconds(self) -> float | None:
        if self.started_at is None:
            return None
        return ((self.ended_at or now()) - self.started_at).total_seconds()


# The order in which runs are shown where nothing else is asked for.
Index(
    "ix_jobs_newest",
    Job.experiment_id,
    Job.lifecycle_stage,
    func.coalesce(Job.started_at, Job.created_at).desc(),
    Job.name,
)


class JobTag(Base):
    """A tag. Those that MLflow keeps for itself start with `mlflow.`."""

    __tablename__ = "job_tags"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]

    # Values are as long as their users like, and no index of PostgreSQL takes those.
    __table_args__ = (Index(None, "key", "job_id"),)


class JobAsset(Base):
    """An edge of the lineage: a job read (`input`), wrote (`output`) or ran (`source`) a version of an asset."""

    __tablename__ = "job_assets"
    __table_args__ = (Index(None, "kind", "asset_name", "asset_version"),)

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    port: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    asset_name: Mapped[str]
    asset_version: Mapped[str]


class JobService(Base):
    """An interactive service beside a job's command, which listens on the loopback address of its worker's host.

    `status` is Starting, Running or Failed, and `error` says in one sentence why it failed.
    """

    __tablename__ = "job_services"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    host: Mapped[str]
    port: Mapped[int]
    status: Mapped[str]
    error: Mapped[str | None]


class DiscardedFiles(Base):
    """A storage key whose files belong to nothing any more, but those below `kept`; see `app.jobs.discarding`."""

    __tablename__ = "discarded_files"

    key: Mapped[str] = mapped_column(primary_key=True)
    kept: Mapped[list] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
