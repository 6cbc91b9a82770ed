"""Whether any worker can run container images: a domain above this one knows the workers."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.orm import Session


class Available(Protocol):
    def __call__(self, session: Session, *, on_host: bool = False) -> bool: ...


_available: Available


def connect(available: Available) -> None:
    global _available
    _available = available


def available(session: Session, *, on_host: bool = False) -> bool:
    """Whether a worker that is here has a container engine, `on_host` one of its own, which builds and serves too."""
    return _available(session, on_host=on_host)


def notes_of(session: Session, environment: dict[str, Any] | None) -> Sequence[str]:
    """What is to be said of an environment before a job starts: nothing yet where it may run in its image."""
    environment = environment or {}
    if environment.get("container") and available(session):
        return ()
    return environment.get("notes", ())
