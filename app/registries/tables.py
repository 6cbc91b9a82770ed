"""Registries: what workspaces share, each a store of assets of its own."""

from datetime import datetime

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now


class Registry(Base):
    """Its assets are rows of the workspace `workspace_id`, which is no place of its own for anybody."""

    __tablename__ = "registries"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    location: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    requires_approval: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
