"""Profiles of data: who wants which, which worker makes it, and what came of it."""

from datetime import timedelta

from sqlalchemy import Exists, exists, or_, select, update
from sqlalchemy.orm import Session

from app.assets.addresses import Stored, parse
from app.data.tables import DataProfile, DataVersion, ProfileState
from app.errors import NotFound
from app.kit.clock import now

LEASE = timedelta(minutes=20)
MOST_ATTEMPTS = 2
GONE = "The workers that made it went away before they were done. It may need more memory than there is."


def find(session: Session, version: DataVersion, path: str = "") -> DataProfile | None:
    return session.scalar(
        select(DataProfile).where(DataProfile.version_id == version.id, DataProfile.path == path)
    )  # fmt: skip


def get(session: Session, version: DataVersion, path: str = "") -> DataProfile:
    found = find(session, version, path)
    if found is None:
        raise NotFound("path: nobody has asked for this profile; POST to this address does.", target="path")
    return found


def may_change(version: DataVersion) -> bool:
    """Whether what is profiled may be another by now: only what the workspace keeps stays as it was."""
    return not isinstance(parse(version.path), Stored)


def ask(session: Session, version: DataVersion, path: str, *, asked_by: str) -> DataProfile:
    """The profile that there is, or one that waits for a worker."""
    found = find(session, version, path)
    if found is None:
        found = DataProfile(version=version, path=path)
        session.add(found)
    elif found.state is ProfileState.WAITING or (found.state is ProfileState.COMPLETED and not may_change(version)):
        return found
    found.state, found.attempts, found.claimed_until = ProfileState.WAITING, 0, None
    found.asked_by, found.asked_at, found.ended_at, found.error = asked_by, now(), None, None
    session.flush()
    return found


def _due() -> list:
    free = or_(DataProfile.claimed_until.is_(None), DataProfile.claimed_until < now())
    return [DataProfile.state == ProfileState.WAITING, free]


def is_any_due() -> Exists:
    return exists().where(*_due())


def claim(session: Session) -> DataProfile | None:
    """Take the one that has waited longest; of several workers one gets it."""
    found = session.scalar(select(DataProfile).where(*_due()).order_by(DataProfile.asked_at).limit(1))
    if found is None:
        return None
    taken = update(DataProfile).where(*_due(), DataProfile.id == found.id, DataProfile.attempts == found.attempts)
    values = {"attempts": found.attempts + 1, "claimed_until": now() + LEASE}
    if found.attempts >= MOST_ATTEMPTS:
        values |= {"state": ProfileState.FAILED, "error": GONE, "ended_at": now()}
    if not session.execute(taken.values(**values).execution_options(synchronize_session=False)).rowcount:
        return None
    session.refresh(found)
    return found if found.state is ProfileState.WAITING else None


def settle(session: Session, profile_id: int, result: dict | None, error: str | None = None) -> None:
    state = ProfileState.FAILED if error else ProfileState.COMPLETED
    waits = DataProfile.state == ProfileState.WAITING
    values = {"state": state, "result": result, "error": error, "ended_at": now(), "claimed_until": None}
    session.execute(update(DataProfile).where(DataProfile.id == profile_id, waits).values(**values))
