"""Workers join, report and leave."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.compute.tables import JobNode, Worker
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


def renew(session: Session, worker_id: int, lease_seconds: float) -> None:
    """Say that this worker still runs its instances of jobs."""
    own = (JobNode.worker_id == worker_id, JobNode.state != "ended")
    session.execute(update(JobNode).where(*own).values(lease_expires_at=now() + timedelta(seconds=lease_seconds)))


def leave(session: Session, worker_id: int) -> None:
    session.execute(update(Worker).where(Worker.id == worker_id).values(stopped_at=now()))


def forget_silent(session: Session) -> None:
    """Mark workers stopped that were not heard of for a minute."""
    silent = [Worker.stopped_at.is_(None), Worker.heartbeat_at < now() - SILENT]
    session.execute(update(Worker).where(*silent).values(stopped_at=now()))
