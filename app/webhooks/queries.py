"""Reads of webhooks."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.kit.paging import Page
from app.webhooks.tables import Webhook, WebhookEvent


def get(session: Session, workspace_id: int, webhook_id: str) -> Webhook:
    found = session.get(Webhook, webhook_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound(f"Webhook with ID {webhook_id} not found.", target="webhook_id")
    return found


def newest(session: Session, workspace_id: int, offset: int, count: int) -> Sequence[Webhook]:
    found = select(Webhook).where(Webhook.workspace_id == workspace_id)
    return session.scalars(found.order_by(Webhook.created_at.desc(), Webhook.id).offset(offset).limit(count)).all()


def page(session: Session, workspace_id: int, *, text: str = "", number: int = 1, size: int = 50) -> Page:
    """Webhooks whose name has `text` in it, newest first."""
    found = select(Webhook).where(Webhook.workspace_id == workspace_id)
    if text:
        found = found.where(Webhook.name.icontains(text, autoescape=True))
    total = session.scalar(found.with_only_columns(func.count(Webhook.id)))
    rows = found.order_by(Webhook.created_at.desc(), Webhook.id).offset((number - 1) * size).limit(size)
    return Page(session.scalars(rows).all(), total, number, size)


def told_of(session: Session, workspace_id: int, kind: str) -> Sequence[Webhook]:
    """The active webhooks of a workspace that want a kind of event."""
    wanted = select(WebhookEvent.webhook_id).where(WebhookEvent.kind == kind)
    found = select(Webhook).where(Webhook.workspace_id == workspace_id, Webhook.status == "ACTIVE")
    return session.scalars(found.where(Webhook.id.in_(wanted))).all()
