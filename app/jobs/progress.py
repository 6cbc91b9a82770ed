"""How far parallel steps are, from what the workers carry to the artifact store."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.jobs.places import progress_key
from app.jobs.tables import Job
from app.kit.storage import store


def read(step: Job) -> dict[str, Any] | None:
    """What a parallel step wrote last, see `guest/progress.py`; None for any other job, and before it has begun."""
    if step.type != "parallel":
        return None
    try:
        return json.loads(b"".join(store().read(progress_key(step.workspace_id, step.name))))
    except NotFound:
        return None


def of_pipelines(session: Session, jobs: Sequence[Job]) -> dict[str, dict[str, Any]]:
    """That of the last parallel step of each pipeline, by the pipeline's name. One file a job is read."""
    steps = select(Job).where(Job.parent_id.in_([job.id for job in jobs]), Job.type == "parallel").order_by(Job.id)
    by_parent = {step.parent_id: step for step in session.scalars(steps)}
    found = {job.name: read(by_parent[job.id]) for job in jobs if job.id in by_parent}
    return {name: progress for name, progress in found.items() if progress}
