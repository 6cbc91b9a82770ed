"""What a job asks of the workers: found when it is first queued, and refused where no worker could ever give it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.jobs.lifecycle import Priority
from app.jobs.tables import Job


@dataclass(frozen=True)
class Placement:
    """`compute` is the named one that counts the job, None for serverless; `gpus` and `memory_bytes` are for each
    of the `instances`; `notes` say what was read otherwise than it was written."""

    queue: str = "default"
    priority: Priority = Priority.MEDIUM
    compute: str | None = None
    instances: int = 1
    gpus: int = 0
    memory_bytes: int | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)


Place = Callable[[Session, int, dict[str, Any]], Placement]
_place: Place


def connect(place: Place) -> None:
    """Say how jobs are placed: workers, computes and queues are of a domain above jobs."""
    global _place
    _place = place


def place(session: Session, workspace_id: int, spec: dict[str, Any]) -> Placement:
    """Where a job with this normalised file goes. Raises Invalid that names the field that cannot be had."""
    return _place(session, workspace_id, spec)


def apply(session: Session, job: Job) -> None:
    """Write the job's placement into its row; raises Invalid as `place` does."""
    found = place(session, job.workspace_id, job.spec or {})
    for name in ("queue", "priority", "compute", "instances", "gpus", "memory_bytes"):
        setattr(job, name, getattr(found, name))
    job.warnings = [*job.warnings, *(note for note in found.notes if note not in job.warnings)]
    session.flush()
