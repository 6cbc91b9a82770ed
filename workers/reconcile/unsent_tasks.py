"""No queued job is forgotten: a worker with a free slot looks for itself.

So a job starts whose message was lost by a crash between commit and send, or came to a worker that could not run it,
and one that had to wait for a limit, a device or several slots at once.
"""

from sqlalchemy import Exists, exists, select

from app.database import reading
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from workers.execution import runner
from workers.node import Node


def reconcile(node: Node) -> None:
    """Start what waits, as far as there is room; jobs are taken in this one thread, one after the other."""
    while node.has_room and _is_any_waiting() and runner.start_next(node):
        continue


def is_due() -> Exists:
    return exists().where(Job.status == Status.QUEUED)


def _is_any_waiting() -> bool:
    with reading() as session:
        return session.scalar(select(is_due()))
