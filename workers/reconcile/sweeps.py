"""No sweep stands still: whatever worker looks next goes on from the tables, also after a crash."""

from sqlalchemy.exc import IntegrityError

from app.database import reading, transaction
from app.errors import Conflict
from app.sweeps import queries, service
from app.sweeps.courses import Courses

_courses = Courses()


def reconcile(courses: Courses = _courses) -> None:
    with reading() as session:
        waiting = queries.open_sweeps(session)
    courses.keep_only(waiting)
    for sweep_id in waiting:
        while _advance(sweep_id, courses):
            continue


def _advance(sweep_id: int, courses: Courses) -> bool:
    """Whether there are more trials to start."""
    try:
        with transaction() as session:
            return service.advance(session, sweep_id, courses)
    except (Conflict, IntegrityError):
        # Another worker looked at the same moment, or a trial just ended: the next look decides.
        return False
