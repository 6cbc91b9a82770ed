"""Webhooks of MLflow: who is told by HTTP of what happens in the model registry."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now


class Webhook(Base):
    """`id` is a UUID, `status` ACTIVE or DISABLED, `secret` encrypted."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    url: Mapped[str]
    secret: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="ACTIVE")
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    events: Mapped[list["WebhookEvent"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin", order_by="WebhookEvent.position"
    )


class WebhookEvent(Base):
    """One kind of event that a webhook is told of, such as `model_version.created`."""

    __tablename__ = "webhook_events"

    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True, index=True)
    position: Mapped[int]
