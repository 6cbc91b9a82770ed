"""Tasks on many runs at once."""

from app.kit.queue import celery
from app.runs import operations


@celery.task(name="runs.bulk", acks_late=False)
def bulk(operation_id: int) -> None:
    operations.run(operation_id)
