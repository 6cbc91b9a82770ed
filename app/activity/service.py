"""Writes the audit record."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from app.access.events import Acted
from app.activity.tables import AuditRecord


def on_acted(session: Session, event: Acted) -> None:
    session.add(AuditRecord(**asdict(event)))


def record(session: Session, actor: str, action: str, **fields) -> None:
    """A record of what was done outside a request: by a worker, or on the operator's command line."""
    session.add(AuditRecord(actor=actor, credential="server", action=action, **fields))
