"""Everything that changes webhooks, and what they send."""

import re
import uuid
from collections.abc import Sequence
from urllib.parse import quote

from sqlalchemy.orm import Session

from app.access.tables import Workspace
from app.errors import Invalid
from app.kit import crypto
from app.kit.clock import now
from app.models.events import RegistryChanged
from app.notifications import posting
from app.notifications import service as notifications
from app.notifications.sending import Outcome, attempt
from app.webhooks import queries
from app.webhooks.events import KINDS
from app.webhooks.tables import Webhook, WebhookEvent

STATUSES = ("ACTIVE", "DISABLED")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def create(
    session: Session, workspace_id: int, name: str, url: str, kinds: Sequence[str], *, description: str = "",
    secret: str | None = None, status: str = "ACTIVE", created_by: str,
) -> Webhook:  # fmt: skip
    webhook = Webhook(id=str(uuid.uuid4()), workspace_id=workspace_id, created_by=created_by)
    change(session, webhook, name=name, url=url, kinds=kinds, description=description, secret=secret, status=status)
    webhook.created_at = webhook.updated_at
    session.add(webhook)
    session.flush()
    return webhook


def change(
    session: Session, webhook: Webhook, *, name: str | None = None, url: str | None = None,
    kinds: Sequence[str] | None = None, description: str | None = None, secret: str | None = None,
    status: str | None = None,
) -> None:  # fmt: skip
    """What is None stays. Raises Invalid that names the field."""
    if name is not None:
        webhook.name = _checked_name(name)
    if url is not None:
        allow_private = notifications.settings().webhooks_allow_private
        webhook.url = posting.check_url(url, "url", allow_private=allow_private)
    if kinds is not None:
        _set_kinds(webhook, kinds)
    if description is not None:
        webhook.description = description
    if secret is not None:
        webhook.secret = crypto.encrypt(secret) if secret else None
    if status is not None:
        webhook.status = status
    webhook.updated_at = now()
    session.flush()


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"Webhook name {name!r} is invalid. It must start and end with a letter or digit, be less than 64 "
            "characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
            target="name",
        )
    return name


def _set_kinds(webhook: Webhook, kinds: Sequence[str]) -> None:
    if not kinds:
        raise Invalid("Webhook events must be a non-empty list of WebhookEvent objects.", target="events")
    _check_kinds(kinds)
    kept = {event.kind: event for event in webhook.events}
    wanted = list(dict.fromkeys(kinds))
    webhook.events = [kept.get(kind) or WebhookEvent(kind=kind) for kind in wanted]
    for position, event in enumerate(webhook.events):
        event.position = position


def _check_kinds(kinds: Sequence[str]) -> None:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise Invalid(f"{unknown[0]!r} is no event of a webhook. The events are {', '.join(KINDS)}.", target="events")


def remove(session: Session, webhook: Webhook) -> None:
    session.delete(webhook)
    session.flush()


def on_registry_changed(session: Session, event: RegistryChanged) -> None:
    """Queue a delivery to each webhook that wants this event."""
    for webhook in queries.told_of(session, event.workspace_id, event.kind):
        workspace = session.get_one(Workspace, event.workspace_id)
        notifications.post(
            session,
            webhook.url,
            _payload(event.kind, event.data),
            about=notifications.link(workspace.name, f"/models/{quote(event.data['name'])}"),
            reason=f"{event.kind} of {event.data['name']}",
            **_origin(webhook, event.kind),
        )


def queue_test(session: Session, webhook: Webhook) -> None:
    """Queue a delivery of an example of the first event that a webhook is told of."""
    kind = webhook.events[0].kind
    payload = _payload(kind, KINDS[kind])
    notifications.post(session, webhook.url, payload, reason="A test", **_origin(webhook, kind))


def test(webhook: Webhook, kind: str | None) -> Outcome:
    """Send an example at once and say what was answered; no transaction may be open."""
    kind = kind or webhook.events[0].kind
    _check_kinds([kind])
    example = notifications.as_post(
        webhook.url, _payload(kind, KINDS[kind]), id=str(uuid.uuid4()), reason="A test", **_origin(webhook, kind)
    )
    return attempt(notifications.settings(), example)


def _origin(webhook: Webhook, kind: str) -> dict:
    return {
        "workspace_id": webhook.workspace_id,
        "source": "webhook",
        "source_id": webhook.id,
        "source_name": webhook.name,
        "event": kind,
        "secret": webhook.secret,
        "headers": "X-MLflow",
    }


def _payload(kind: str, data: dict) -> dict:
    entity, _, action = kind.partition(".")
    return {"entity": entity, "action": action, "timestamp": now().isoformat(), "data": data}
