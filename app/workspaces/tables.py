"""A workspace: the walls within which names are unique and rights are given."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now


class Workspace(Base):
    __tablename__ = "workspaces"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
