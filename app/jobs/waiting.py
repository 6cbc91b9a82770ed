"""Why jobs wait, and for how long: asked of the domain that knows the workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.jobs.tables import Job


@dataclass(frozen=True)
class Help:
    """What would let a job start sooner: what to do, and the page or command that does it."""

    text: str
    address: str | None = None
    command: str | None = None


@dataclass(frozen=True)
class Waiting:
    """`reason` is one sentence; `place` is 1 for the next of its queue. `starts_in_seconds` is an estimate from how
    long like jobs ran, None where none has ended yet or nothing can start it; `runs_seconds` from the same."""

    reason: str
    place: int
    starts_in_seconds: float | None
    runs_seconds: float | None
    helps: tuple[Help, ...]


Explain = Callable[[Session, Sequence[Job]], dict[int, Waiting]]
_explain: Explain


def connect(explain: Explain) -> None:
    global _explain
    _explain = explain


def explain(session: Session, jobs: Sequence[Job]) -> dict[int, Waiting]:
    """By job id, for those of the jobs that are queued."""
    return _explain(session, jobs)
