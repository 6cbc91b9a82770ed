"""Workers join, report and leave."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.compute.tables import Worker
from app.kit.clock import now

SILENT = timedelta(seconds=60)


def join(session: Session, **facts) -> Worker:
    worker = Worker(**facts)
    session.add(worker)
    session.flush()
    return worker


def report(session: Session, worker_id: int, usage: dict) -> None:
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(heartbeat_at=now(), usage=usage, stopped_at=None)
    )


def leave(session: Session, worker_id: int) -> None:
    session.execute(update(Worker).where(Worker.id == worker_id).values(stopped_at=now()))


def forget_silent(session: Session) -> None:
    """Mark workers stopped that were not heard of for a minute."""
    silent = [Worker.stopped_at.is_(None), Worker.heartbeat_at < now() - SILENT]
    session.execute(update(Worker).where(*silent).values(stopped_at=now()))
