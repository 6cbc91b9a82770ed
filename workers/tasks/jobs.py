"""Tasks of jobs."""

from app.kit.queue import celery
from workers import duties
from workers.node import TAKING


@celery.task(name="jobs.run", acks_late=False)
def run(_job_id: int) -> None:
    """Have this worker look for the job whose turn it is, which need not be the one that was sent."""
    duties.node().wake(TAKING)
