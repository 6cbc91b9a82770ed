"""Reads the log files of a job by byte offset."""

from collections.abc import Iterator

from app.jobs.places import SYSTEM_LOG, USER_LOG, log_key, workspace_root
from app.jobs.tables import Job
from app.kit import log_files
from app.kit.log_files import Piece
from app.kit.storage import safe_key, store


def files(job: Job) -> list[str]:
    found = [entry.path for entry in store().walk(f"{workspace_root(job)}/jobs/{job.name}/logs")]
    return sorted({USER_LOG, *found}, key=lambda path: (path != USER_LOG, path != SYSTEM_LOG, path))


def read(job: Job, file: str = USER_LOG, offset: int = 0) -> Piece:
    """What was logged from `offset` on, as `log_files.read` answers it."""
    # The state is read before the file: what a job that has ended printed is all there.
    ended = job.status.is_final
    return log_files.read(log_key(job, safe_key(file)), offset, ended=ended)


def whole(job: Job, file: str) -> Iterator[bytes]:
    """The bytes of a log, for a download; empty when nothing was logged."""
    key = log_key(job, safe_key(file))
    return store().read(key) if store().size(key) else iter(())
