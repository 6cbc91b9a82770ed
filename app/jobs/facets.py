"""What a list of jobs can be narrowed to, cheap enough to be asked with every page."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access import queries as access
from app.experiments.tables import Experiment
from app.jobs.tables import Job

MOST = 200


def experiments(session: Session, workspace_id: int) -> Sequence[str]:
    """Names of the experiments that were used last, by name."""
    found = select(Experiment.name).where(
        Experiment.workspace_id == workspace_id, Experiment.lifecycle_stage == "active"
    )
    return sorted(session.scalars(found.order_by(Experiment.updated_at.desc()).limit(MOST)))


def people(session: Session, workspace_id: int) -> list[str]:
    """Names of those who may have made a job here."""
    return sorted({found.user.name for found in access.assignments(session, workspace_id)})


def count_children(session: Session, job: Job) -> int:
    return session.scalar(select(func.count()).where(Job.parent_id == job.id))


def named(session: Session, workspace_id: int, names: Sequence[str]) -> Sequence[Job]:
    """The jobs of these names that exist."""
    return session.scalars(select(Job).where(Job.workspace_id == workspace_id, Job.name.in_(names))).all()
