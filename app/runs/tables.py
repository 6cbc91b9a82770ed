"""One action on all runs that match a filter, carried out by a worker in steps."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now


class BulkOperation(Base):
    """`query` is that of the run table, `experiment_id` names all runs of an experiment instead.

    Runs are taken in the order of their row ids: `cursor` is the last one that is done with, and
    `upto` the newest one when the operation began, so that a copy is never copied in its turn.
    `status` is running, done, stopped or failed. `refusals` are the first few sentences that say
    why a run was left as it is.
    """

    __tablename__ = "bulk_operations"
    __table_args__ = (Index(None, "workspace_id", "status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    action: Mapped[str]
    arguments: Mapped[dict] = mapped_column(default=dict)
    query: Mapped[str | None]
    experiment_id: Mapped[int | None]
    status: Mapped[str] = mapped_column(default="running")
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[list] = mapped_column(default=list)
    cursor: Mapped[int] = mapped_column(default=0)
    upto: Mapped[int]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    lease_expires_at: Mapped[datetime | None]
