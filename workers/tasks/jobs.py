"""Tasks of jobs."""

from app.kit import queue
from app.kit.queue import celery
from workers import duties
from workers.execution import runner


@celery.task(name="jobs.run", acks_late=False)
def run(_job_id: int) -> None:
    """Run the job whose turn it is, which need not be the one that was sent, and go on while nothing else was sent."""
    while runner.run_next(duties.node()) and queue.length() == 0:
        continue
