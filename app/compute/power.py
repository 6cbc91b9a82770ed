"""Stopping and starting computes, which every door does alike."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.access.guard import note
from app.compute import queries
from app.compute.tables import Compute


def change_power(session: Session, workspace_id: int, name: str, change: Callable[[Session, Compute], None]) -> Compute:
    """The compute, stopped or started by `change`, which is audited. Raises NotFound for one that there is not."""
    found = queries.get_compute(session, workspace_id, name)
    before = found.state
    change(session, found)
    note(session, "computes", name, before={"state": before}, after={"state": found.state})
    return found
