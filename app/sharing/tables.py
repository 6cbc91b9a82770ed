"""Requests to take versions into registries that ask for approval."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.access.tables import Workspace
from app.database import Base
from app.kit.clock import now
from app.registries.tables import Registry


class State(StrEnum):
    PENDING = "Pending"
    APPROVED = "Approved"
    REFUSED = "Refused"
    WITHDRAWN = "Withdrawn"


_StateText = Enum(State, native_enum=False, length=16, values_callable=lambda all: [one.value for one in all])


class Promotion(Base):
    """A version of the workspace `workspace_id`, and what it is to be called in the registry."""

    __tablename__ = "promotions"
    __table_args__ = (Index(None, "registry_id", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    registry_id: Mapped[int] = mapped_column(ForeignKey("registries.id", ondelete="CASCADE"))
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    version: Mapped[str]
    share_with_name: Mapped[str]
    share_with_version: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    state: Mapped[State] = mapped_column(_StateText, default=State.PENDING)
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(default=now)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    comment: Mapped[str] = mapped_column(default="")
    place: Mapped[Registry] = relationship(lazy="joined")
    workspace: Mapped[Workspace] = relationship(lazy="joined")
