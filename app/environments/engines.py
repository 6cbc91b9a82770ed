"""Whether any worker can run container images: a domain above this one knows the workers."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

Available = Callable[[Session], bool]
_available: Available


def connect(available: Available) -> None:
    global _available
    _available = available


def available(session: Session) -> bool:
    """Whether a worker that is here has a container engine."""
    return _available(session)


def notes_of(session: Session, environment: dict[str, Any] | None) -> Sequence[str]:
    """What is to be said of an environment before a job starts: nothing yet where it may run in its image."""
    environment = environment or {}
    if environment.get("container") and available(session):
        return ()
    return environment.get("notes", ())
