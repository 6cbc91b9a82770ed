"""Keeps how each build went and its log, so that pages show it wherever it was built."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Exists, exists, or_, select, update
from sqlalchemy.orm import Session

from app.database import transaction
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec, digest
from app.environments.standing import BUILDING, FAILED, READY
from app.environments.tables import EnvironmentBuild
from app.kit import outbox
from app.kit.clock import now
from app.kit.live import hint
from app.kit.storage import store
from app.settings import current

log = logging.getLogger(__name__)
LOST = "The worker that built it was lost; the next job that wants it builds it anew."


def log_key(digest: str) -> str:
    """The storage key of a build's log. A build belongs to no workspace, as all share it."""
    return f"environments/{digest}/build.log"


def channel(digest: str) -> str:
    return f"environment:{digest}"


@contextmanager
def recorded(spec: EnvironmentSpec, read: Callable[[], dict]) -> Iterator[Callable[[str], None]]:
    """Around a build: notes its begin and end, and answers what takes each line of its log.

    `read` answers `packages` and `python_version` of what was built, once that is done.
    """
    key, started = digest(spec), now()
    store().delete(log_key(key))
    _write(
        key,
        name=spec.name,
        state=BUILDING,
        error=None,
        package=None,
        packages=[],
        python_version=None,
        started_at=started,
        ended_at=None,
        lease_expires_at=_lease(),
    )

    def write(line: str) -> None:
        seconds = (now() - started).total_seconds()
        store().append(log_key(key), f"{seconds:7.1f} s  {line}\n".encode())
        hint(channel(key), "log")

    try:
        with _leased(key):
            yield write
    except BaseException as error:
        package = error.target if isinstance(error, EnvironmentBuildFailed) else None
        message = str(error) or "The worker ended before the build did."
        write(message)
        _write(key, state=FAILED, error=message, package=package, ended_at=now())
        raise
    _write(key, state=READY, error=None, ended_at=now(), **read())


def fail_lost(session: Session) -> list[str]:
    """Have the builds fail whose builders are silent; answers the names of their environments."""
    lost = _lost()
    found = session.execute(select(EnvironmentBuild.digest, EnvironmentBuild.name).where(*lost)).all()
    for key, _ in found:
        failed = update(EnvironmentBuild).where(EnvironmentBuild.digest == key, *lost)
        session.execute(failed.values(state=FAILED, error=LOST, ended_at=now()))
        outbox.hint(session, channel(key), "state")
    return [name for _, name in found]


def is_any_lost() -> Exists:
    return exists().where(*_lost())


def _lost() -> list[ColumnElement[bool]]:
    expired = or_(EnvironmentBuild.lease_expires_at.is_(None), EnvironmentBuild.lease_expires_at < now())
    return [EnvironmentBuild.state == BUILDING, expired]


@contextmanager
def _leased(key: str) -> Iterator[None]:
    """Renews the lease of a build from a thread, as a builder may say nothing for minutes."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(current().lease_seconds / 3):
            try:
                with transaction() as session:
                    mine = [EnvironmentBuild.digest == key, EnvironmentBuild.state == BUILDING]
                    session.execute(update(EnvironmentBuild).where(*mine).values(lease_expires_at=_lease()))
            except Exception:
                # The registry may be away for a while; the lease is tried again.
                log.exception("the lease of build %s was not renewed", key)

    thread = threading.Thread(target=renew, name=f"lease of build {key}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _lease() -> datetime:
    return now() + timedelta(seconds=current().lease_seconds)


def _write(key: str, **values) -> None:
    with transaction() as session:
        row = session.get(EnvironmentBuild, key) or EnvironmentBuild(digest=key)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
    hint(channel(key), "state")
