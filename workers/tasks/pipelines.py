"""Tasks of pipelines."""

from app.kit.queue import celery
from workers.reconcile import pipelines


@celery.task(name="pipelines.advance", acks_late=False)
def advance(pipeline_id: int) -> None:
    pipelines.advance(pipeline_id)
