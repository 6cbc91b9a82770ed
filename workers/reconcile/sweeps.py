"""No sweep stands still: whatever worker looks next goes on from the tables, also after a crash."""

from sqlalchemy.exc import IntegrityError

from app.database import reading, transaction
from app.errors import Conflict
from app.sweeps import queries, service


def reconcile() -> None:
    with reading() as session:
        waiting = queries.open_sweeps(session)
    for sweep_id in waiting:
        try:
            with transaction() as session:
                service.advance(session, sweep_id)
        except (Conflict, IntegrityError):
            # Another worker looked at the same moment, or a trial just ended: the next look decides.
            continue
