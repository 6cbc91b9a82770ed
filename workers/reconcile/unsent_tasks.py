"""No queued job is forgotten: a worker with a free slot looks for itself.

So a job starts whose message was lost by a crash between commit and send, or came to a worker that could not run it,
and one that had to wait for a limit, a device or several slots at once.
"""

import threading

from sqlalchemy import select

from app.database import reading
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from workers.execution import runner
from workers.node import Node


def reconcile(node: Node) -> None:
    if len(node.held) >= node.slots or node.is_going:
        return
    with reading() as session:
        if session.scalar(select(Job.id).where(Job.status == Status.QUEUED).limit(1)) is None:
            return
    threading.Thread(target=runner.run_next, args=(node,), name="take waiting", daemon=True).start()
