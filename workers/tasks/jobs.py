"""Tasks of jobs."""

from app.kit.queue import celery
from workers import duties
from workers.execution import runner


@celery.task(name="jobs.run", acks_late=False)
def run(job_id: int) -> None:
    runner.run(duties.node(), job_id)
