"""Everything that changes deliveries.

A worker looks for what is due instead of being sent a task: jobs may hold every thread that takes tasks for hours.
"""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Exists, delete, exists, select, update
from sqlalchemy.orm import Session

from app.errors import Conflict
from app.kit.clock import now
from app.notifications.sending import Outcome
from app.notifications.tables import Delivery, State
from app.settings import Settings
from app.web.addressing import url_for_workspace

WAITS = [timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200)]
"""How long after each failed attempt the next one is made; after the last, a delivery has failed."""

LEASE = timedelta(minutes=2)
"""How long after the start of an attempt it counts as lost with its worker; longer than any attempt lasts."""

KEPT = timedelta(days=30)
_settings: Settings


def connect(settings: Settings) -> None:
    global _settings
    _settings = settings


def settings() -> Settings:
    """What this process was connected with."""
    return _settings


def link(workspace: str, path: str) -> str:
    """The address of a page for people outside."""
    return _settings.url.rstrip("/") + url_for_workspace(workspace, path)


def mail(session: Session, recipient: str, subject: str, text: str, **about: Any) -> Delivery:
    """Queue a mail; `about` are the columns that say what of and why."""
    return _queue(session, Delivery(channel="email", target=recipient, subject=subject, body=text, **about))


def post(session: Session, url: str, payload: dict, **about: Any) -> Delivery:
    """Queue a JSON object to be posted; `about` may hold an encrypted `secret` and the prefix of `headers`."""
    return _queue(session, as_post(url, payload, **about))


def as_post(url: str, payload: dict, **about: Any) -> Delivery:
    """The same without queueing it."""
    return Delivery(channel="webhook", target=url, body=json.dumps(payload), **about)


def _queue(session: Session, delivery: Delivery) -> Delivery:
    session.add(delivery)
    session.flush()
    return delivery


def _due() -> list:
    return [Delivery.status == State.PENDING, Delivery.next_attempt_at <= now()]


def is_any_due() -> Exists:
    return exists().where(*_due())


def claim(session: Session, count: int) -> list[Delivery]:
    """Take up to `count` that are due; of several workers one gets each. They are read from then on, not written."""
    taken = []
    for delivery in session.scalars(
        select(Delivery).where(*_due()).order_by(Delivery.next_attempt_at).limit(count)
    ).all():
        session.expunge(delivery)
        changed = {"attempts": delivery.attempts + 1, "next_attempt_at": now() + LEASE}
        if session.execute(update(Delivery).where(*_unchanged(delivery)).values(**changed)).rowcount:
            delivery.attempts += 1
            taken.append(delivery)
    return taken


def _unchanged(delivery: Delivery) -> list:
    return [Delivery.id == delivery.id, Delivery.status == State.PENDING, Delivery.attempts == delivery.attempts]


def settle(session: Session, delivery: Delivery, outcome: Outcome) -> None:
    """Write down what came of an attempt, and when the next one is due."""
    changed: dict[str, Any] = {"answer_status": outcome.status, "answer": outcome.answer}
    if outcome.delivered:
        changed |= {"status": State.DELIVERED, "ended_at": now()}
    elif outcome.again and delivery.attempts <= len(WAITS):
        changed["next_attempt_at"] = now() + WAITS[delivery.attempts - 1]
    else:
        changed |= {"status": State.FAILED, "ended_at": now()}
    session.execute(update(Delivery).where(*_unchanged(delivery)).values(**changed))


def retry(session: Session, delivery: Delivery) -> None:
    """Begin anew with one that has failed; raises Conflict for any other."""
    failed = [Delivery.id == delivery.id, Delivery.status == State.FAILED]
    changed = {"status": State.PENDING, "attempts": 0, "next_attempt_at": now(), "ended_at": None}
    if not session.execute(update(Delivery).where(*failed).values(**changed)).rowcount:
        raise Conflict(f"Delivery {delivery.id} is {delivery.status}; only a failed one is sent again.", target="id")
    session.refresh(delivery)


def forget_old(session: Session) -> None:
    session.execute(delete(Delivery).where(Delivery.created_at < now() - KEPT, Delivery.status != State.PENDING))
