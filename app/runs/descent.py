"""Runs with the runs below them."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.tables import Job

AT_ONCE = 500


def pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """SQLite takes a limited number of parameters."""
    for first in range(0, len(ids), AT_ONCE):
        yield ids[first : first + AT_ONCE]


def with_descendants(session: Session, job_ids: Sequence[int]) -> list[int]:
    """The ids and those of all runs below them, parents before their children, each once."""
    found = dict.fromkeys(job_ids)
    level = list(found)
    while level:
        below = [id for piece in pieces(level) for id in session.scalars(_CHILDREN.where(Job.parent_id.in_(piece)))]
        level = [id for id in below if id not in found]
        found |= dict.fromkeys(level)
    return list(found)


def jobs_of(session: Session, job_ids: Sequence[int]) -> list[Job]:
    """Whole jobs in the order of the ids."""
    rows = {job.id: job for piece in pieces(job_ids) for job in session.scalars(select(Job).where(Job.id.in_(piece)))}
    return [rows[id] for id in job_ids]


_CHILDREN = select(Job.id).order_by(Job.id)
