"""Components: named, versioned commands with a typed interface, from which jobs are made."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now


class Component(Base):
    __tablename__ = "components"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class ComponentVersion(Base):
    """`spec` is the normalised component file, with addresses for local paths; it never changes."""

    __tablename__ = "component_versions"
    __table_args__ = (UniqueConstraint("component_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("components.id", ondelete="CASCADE"))
    version: Mapped[str]
    type: Mapped[str]
    display_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    spec: Mapped[dict]
    source_yaml: Mapped[str]
    warnings: Mapped[list] = mapped_column(default=list)
    archived: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    component: Mapped[Component] = relationship(lazy="joined")
