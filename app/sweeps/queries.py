"""Reads of sweeps and their trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.tracking import metrics


@dataclass(frozen=True)
class Trial:
    """`objective` is the latest value of the primary metric, None where there is none that is a number."""

    job: Job
    number: int
    values: dict[str, Any]
    objective: float | None


def open_sweeps(session: Session) -> list[int]:
    waiting = (Status.RUNNING, Status.CANCEL_REQUESTED)
    return list(session.scalars(select(Job.id).where(Job.status.in_(waiting), Job.type == "sweep").order_by(Job.id)))


def trials(session: Session, sweep: Job) -> list[Trial]:
    """All trials of a sweep, at most a thousand, by number."""
    if sweep.type != "sweep":
        raise Invalid(f"name: job {sweep.name} is a {sweep.type} job and has no trials.", target="name")
    children = session.scalars(select(Job).where(Job.parent_id == sweep.id).order_by(Job.id)).all()
    children = [job for job in children if "trial" in (job.spec or {})]
    values = _objectives(session, [job.id for job in children], sweep.spec["sweep"]["objective"]["primary_metric"])
    found = [
        Trial(job, job.spec["trial"]["number"], job.spec["trial"]["values"], values.get(job.id)) for job in children
    ]
    return sorted(found, key=lambda trial: trial.number)


def _objectives(session: Session, job_ids: Sequence[int], metric: str) -> dict[int, float]:
    rows = metrics.latest_rows(session, job_ids)
    return {job_id: value for job_id, key, value, *_ in rows if key == metric and value is not None}


def best(sweep: Job, found: Sequence[Trial]) -> Trial | None:
    """The best of the trials that ended by themselves, the earlier of equals."""
    ended = [trial for trial in found if trial.job.status is Status.COMPLETED and trial.objective is not None]
    return in_order(sweep, ended)[0] if ended else None


def in_order(sweep: Job, found: Sequence[Trial]) -> list[Trial]:
    """Best first, those without an objective last."""
    sign = -1 if sweep.spec["sweep"]["objective"]["goal"] == "maximize" else 1
    return sorted(
        found,
        key=lambda trial: (trial.objective is None, sign * (trial.objective or 0.0), trial.number),
    )
