"""An experiment: the name under which jobs are gathered and compared."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now


class Experiment(Base):
    """`lifecycle_stage` is MLflow's: active or deleted. `is_default` marks the one that MLflow calls 0."""

    __tablename__ = "experiments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    artifact_location: Mapped[str | None]
    lifecycle_stage: Mapped[str] = mapped_column(default="active")
    is_default: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[dict] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
