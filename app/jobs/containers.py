"""Where a job ran whose environment is a container image: in that image, or in what stood in for it."""

from collections.abc import Sequence

from app.jobs.tables import Job


def keep(job: Job, image: dict[str, str] | None, notes: Sequence[str]) -> None:
    """`image` has `image`, `id` and `engine`; None says that the environment stood in, and `notes` tell why."""
    job.environment = {**(job.environment or {}), "ran_in": image}
    said = [warning for warning in job.warnings if warning not in notes]
    job.warnings = said if image else [*said, *notes]


def tell_pod(job: Job, where: dict[str, str]) -> None:
    """Add `pod` and `node` to where a job runs."""
    job.environment = {**job.environment, "ran_in": {**job.environment["ran_in"], **where}}
