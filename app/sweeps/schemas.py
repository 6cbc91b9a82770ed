"""Trials as they look over REST."""

from typing import Any

from pydantic import BaseModel

from app.jobs.lifecycle import Status
from app.jobs.schemas import JobError
from app.sweeps.queries import Trial


class TrialRead(BaseModel):
    """`objective` is the latest value of the primary metric; `error` says why the trial failed or was stopped."""

    name: str
    number: int
    status: Status
    values: dict[str, Any]
    objective: float | None
    error: JobError | None
    duration_seconds: float | None

    @classmethod
    def of(cls, trial: Trial) -> "TrialRead":
        job = trial.job
        error = JobError(**job.error) if job.error else None
        return cls(
            name=job.name,
            number=trial.number,
            status=job.status,
            values=trial.values,
            objective=trial.objective,
            error=error,
            duration_seconds=job.duration_seconds,
        )


class ImportanceRead(BaseModel):
    """`share` is epsilon squared, 0 to 1; `trend` is Spearman's rank correlation of a number with the objective."""

    parameter: str
    share: float
    trend: float | None
