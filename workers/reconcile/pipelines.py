"""No pipeline stands still: a step that no event started is started from the tables, also after a crash."""

from sqlalchemy.exc import IntegrityError

from app.database import reading, transaction
from app.errors import Conflict
from app.pipelines import queries, service


def reconcile() -> None:
    with reading() as session:
        waiting = queries.open_pipelines(session)
    for pipeline_id in waiting:
        advance(pipeline_id)


def advance(pipeline_id: int) -> None:
    try:
        with transaction() as session:
            service.advance(session, pipeline_id)
    except (Conflict, IntegrityError):
        # Another worker looked at the same moment, or a step just ended: the next look decides.
        return
