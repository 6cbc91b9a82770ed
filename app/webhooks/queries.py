"""Reads of webhooks."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.webhooks.tables import Webhook, WebhookEvent


def get(session: Session, workspace_id: int, webhook_id: str) -> Webhook:
    found = session.get(Webhook, webhook_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound(f"Webhook with ID {webhook_id} not found.", target="webhook_id")
    return found


def newest(session: Session, workspace_id: int, offset: int, count: int) -> Sequence[Webhook]:
    found = select(Webhook).where(Webhook.workspace_id == workspace_id)
    return session.scalars(found.order_by(Webhook.created_at.desc(), Webhook.id).offset(offset).limit(count)).all()


def told_of(session: Session, workspace_id: int, kind: str) -> Sequence[Webhook]:
    """The active webhooks of a workspace that want a kind of event."""
    wanted = select(WebhookEvent.webhook_id).where(WebhookEvent.kind == kind)
    found = select(Webhook).where(Webhook.workspace_id == workspace_id, Webhook.status == "ACTIVE")
    return session.scalars(found.where(Webhook.id.in_(wanted))).all()
