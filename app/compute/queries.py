"""Reads of workers, computes and queues."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.compute.tables import Compute, Queue, Worker


def working(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(Worker.stopped_at.is_(None)).order_by(Worker.id)).all()


def find_compute(session: Session, workspace_id: int, name: str) -> Compute | None:
    return session.scalar(select(Compute).where(Compute.workspace_id == workspace_id, Compute.name == name))


def find_queue(session: Session, name: str) -> Queue | None:
    return session.get(Queue, name)


def queues(session: Session) -> Sequence[Queue]:
    return session.scalars(select(Queue).order_by(Queue.name)).all()
