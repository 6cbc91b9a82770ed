"""No job stays with a worker that has gone: its lease runs out, and the job fails or is queued again."""

import logging

from app.database import transaction
from app.errors import Conflict
from app.jobs import moves
from app.jobs.lifecycle import Status

log = logging.getLogger(__name__)
MESSAGE = "The worker that ran this job was lost: it stopped or could not be reached."


def reconcile() -> None:
    with transaction() as session:
        for job in moves.lost(session):
            log.warning("job %s was lost with worker %s", job.name, job.worker_id)
            try:
                if job.status is Status.CANCEL_REQUESTED:
                    moves.move(session, job, Status.CANCELED)
                else:
                    moves.lose(session, job, MESSAGE)
            except Conflict:
                # It came to an end by itself just now.
                log.info("job %s ended meanwhile", job.name)
