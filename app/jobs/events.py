from dataclasses import dataclass

from app.jobs.lifecycle import Status


@dataclass(frozen=True)
class JobFinished:
    """A job came to its end, within the transaction that says so."""

    job_id: int
    parent_id: int | None
    status: Status
