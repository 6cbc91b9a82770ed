"""Reads of workers."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.compute.tables import Worker


def working(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(Worker.stopped_at.is_(None)).order_by(Worker.id)).all()
