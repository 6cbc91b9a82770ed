"""A worker that was not heard of for a minute is no longer shown as one that works."""

from app.compute import service
from app.database import transaction


def reconcile() -> None:
    with transaction() as session:
        service.forget_silent(session)
