"""No queued job is forgotten: what the queue lost, by a crash between commit and send, is sent again.

A message that is sent twice does no harm, because only one worker can claim a job.
"""

from datetime import timedelta

from app.database import reading
from app.jobs import queries
from app.kit import queue
from app.kit.clock import now

PATIENCE = timedelta(seconds=5)


def reconcile() -> None:
    """While messages wait, nothing is known to be lost; only an empty queue proves it."""
    with reading() as session:
        waiting = [job.id for job in queries.waiting(session, now() - PATIENCE)]
    if waiting and queue.length() == 0:
        for job_id in waiting:
            queue.send("jobs.run", (job_id,))
