"""Workers, the computes and queues that share them among jobs, and the nodes of jobs that run on several."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now

# Jobs that name no queue are in this one.
DEFAULT_QUEUE = "default"


class Worker(Base):
    """A process that runs jobs: the machine that it is on, what that has, and when it was last heard of.

    `engine` is the container engine and its version, None for none.
    """

    __tablename__ = "workers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    slots: Mapped[int]
    processors: Mapped[int]
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    gpus: Mapped[list] = mapped_column(default=list)
    engine: Mapped[str | None]
    usage: Mapped[dict] = mapped_column(default=dict)
    started_at: Mapped[datetime] = mapped_column(default=now)
    heartbeat_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]


class Compute(Base):
    """A name under which jobs ask for workers, as Azure's files do; `max_instances` of its nodes run at a time.

    `spec` is what its file says beside: it is kept and shown, and asks nothing of the workers. While it is stopped,
    since `stopped_at`, none of its jobs starts.
    """

    __tablename__ = "computes"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    type: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    min_instances: Mapped[int] = mapped_column(default=0)
    max_instances: Mapped[int | None]
    queue: Mapped[str | None]
    tags: Mapped[dict] = mapped_column(default=dict)
    spec: Mapped[dict] = mapped_column(default=dict)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]

    @property
    def state(self) -> str:
        return "Stopped" if self.stopped_at else "Running"


class Queue(Base):
    """A queue of all workspaces. While several have jobs waiting, each gets slots in proportion to its weight.

    At most `max_slots` are in use by its jobs at a time. A queue without a row weighs 1 and has no limit.
    """

    __tablename__ = "queues"

    name: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[int] = mapped_column(default=1)
    max_slots: Mapped[int | None]
    description: Mapped[str] = mapped_column(default="")


class JobNode(Base):
    """One of the processes of a job that runs on several instances, and the worker that runs it.

    `state` goes from `reserved` over `ready`, when its files and environment are there, and `running` to `ended`.
    `address` and `port` are where the node of rank 0 meets the others.
    """

    __tablename__ = "job_nodes"
    __table_args__ = (Index(None, "worker_id", "state"),)

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    rank: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int]
    worker_id: Mapped[int]
    state: Mapped[str] = mapped_column(default="reserved")
    devices: Mapped[list] = mapped_column(default=list)
    address: Mapped[str | None]
    port: Mapped[int | None]
    exit_code: Mapped[int | None]
    message: Mapped[str | None]
    lease_expires_at: Mapped[datetime]
