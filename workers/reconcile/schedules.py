"""Every time that a schedule is due its job is submitted once, by whichever worker looks first."""

import logging

from sqlalchemy import Exists

from app.database import reading, transaction
from app.kit.clock import now
from app.schedules import queries, service

log = logging.getLogger(__name__)


def is_due() -> Exists:
    return queries.is_any_due(now())


def reconcile() -> None:
    at = now()
    with reading() as session:
        waiting = queries.due(session, at)
    for schedule_id in waiting:
        try:
            with transaction() as session:
                service.fire(session, schedule_id, at)
        except Exception:
            # The others do not wait for one that cannot be.
            log.exception("schedule %s", schedule_id)
