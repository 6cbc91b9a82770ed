"""Keeps how each build went and its log, so that pages show it wherever it was built."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.database import transaction
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec, digest
from app.environments.standing import BUILDING, FAILED, READY
from app.environments.tables import EnvironmentBuild
from app.kit.clock import now
from app.kit.live import hint
from app.kit.storage import store


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
    )

    def write(line: str) -> None:
        seconds = (now() - started).total_seconds()
        store().append(log_key(key), f"{seconds:7.1f} s  {line}\n".encode())
        hint(channel(key), "log")

    try:
        yield write
    except BaseException as error:
        package = error.target if isinstance(error, EnvironmentBuildFailed) else None
        message = str(error) or "The worker ended before the build did."
        write(message)
        _write(key, state=FAILED, error=message, package=package, ended_at=now())
        raise
    _write(key, state=READY, ended_at=now(), **read())


def _write(key: str, **values) -> None:
    with transaction() as session:
        row = session.get(EnvironmentBuild, key) or EnvironmentBuild(digest=key)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
    hint(channel(key), "state")
