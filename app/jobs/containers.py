"""Where a job ran whose environment is a container image: in that image, or in what stood in for it."""

from collections.abc import Sequence

from app.jobs.tables import Job


def keep(job: Job, image: dict[str, str] | None, notes: Sequence[str]) -> None:
    """`image` has `image`, `id` and `engine`; None says that the environment stood in, and `notes` tell why."""
    job.environment = {**(job.environment or {}), "ran_in": image}
    said = [warning for warning in job.warnings if warning not in notes]
    job.warnings = said if image else [*said, *notes]


def place_of(job: Job) -> str | None:
    """Where it runs or ran, in one line; None where its environment names no image, or it has not begun."""
    environment = job.environment or {}
    ran = environment.get("ran_in")
    if not ran:
        stands_in = environment.get("container") and job.started_at
        return "an environment of the worker, which stands in for the image" if stands_in else None
    if "pod" in ran:
        return f"image {ran['image']}, pod {ran['pod']} on node {ran['node']} of {ran['engine']}"
    kind = "pod" if ran["engine"].startswith("kubernetes") else "container"
    return f"image {ran['image']}, a {kind} of {ran['engine']}"


def tell_pod(job: Job, where: dict[str, str]) -> None:
    """Add `pod` and `node` to where a job runs."""
    job.environment = {**job.environment, "ran_in": {**job.environment["ran_in"], **where}}
