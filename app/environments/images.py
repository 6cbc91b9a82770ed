"""What container images stand for: a workspace's own table, and below it the one that Atelier brings."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.environments import curated
from app.environments.tables import ImageEnvironment


def of_workspace(session: Session, workspace_id: int) -> Sequence[ImageEnvironment]:
    """The most telling first, as they are read: the longest."""
    found = select(ImageEnvironment).where(ImageEnvironment.workspace_id == workspace_id)
    return session.scalars(found.order_by(func.length(ImageEnvironment.image).desc(), ImageEnvironment.image)).all()


@dataclass(frozen=True)
class StandIn:
    """The environment of an image, as a reference, and the pattern by which it was found; `is_own`: by the workspace's
    own table."""

    environment: str
    pattern: str
    is_own: bool


def reference_for(session: Session, workspace_id: int, image: str) -> StandIn:
    for row in of_workspace(session, workspace_id):
        if fnmatchcase(image.lower(), row.image.lower()):
            return StandIn(row.environment, row.image, True)
    return next(
        StandIn(found, pattern, False) for pattern, found in brought() if fnmatchcase(image.lower(), pattern.lower())
    )


def brought() -> list[tuple[str, str]]:
    """Images and environments of the table that Atelier brings."""
    return [(image, f"azureml:{name}:{curated.VERSION}") for image, name in curated.images().items()]
