"""What happened in a pipeline or sweep so far, as the log that clients show while they wait for it."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from app.jobs import queries
from app.jobs.tables import Job

# Where clients look for it, by the type of the job.
FILES = {"pipeline": "logs/azureml/executionlogs.txt", "sweep": "azureml-logs/hyperdrive.txt"}

MOST = 2000


def text(session: Session, job: Job) -> str:
    """A line for each step or trial that was submitted, has started or ended, in the order in which it happened.

    The first 2000 of them. It only grows: clients print what lies beyond the lines that they have seen.
    """
    events = [event for child in queries.children(session, job, size=MOST).rows for event in _events(child)]
    return "".join(f"{at:%Y-%m-%d %H:%M:%S}Z {line}\n" for at, line in sorted(events, key=lambda event: event[0]))


def _events(child: Job) -> Iterator[tuple[datetime, str]]:
    name = child.name if child.display_name == child.name else f"{child.display_name} ({child.name})"
    yield child.created_at, f"{name} is submitted"
    if child.started_at:
        yield child.started_at, f"{name} has started"
    if child.ended_at:
        reason = f": {child.error['message']}" if child.error else ""
        yield child.ended_at, f"{name} is {child.status.value}{reason}"
