"""Reads the log files of a job by byte offset."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.jobs.places import SYSTEM_LOG, USER_LOG, log_key, workspace_root
from app.jobs.tables import Job
from app.kit.storage import safe_key, store

MOST = 4 << 20


@dataclass(frozen=True)
class Piece:
    """Text of a log, the offset after it, and whether nothing will follow."""

    text: str
    offset: int
    is_final: bool


def files(job: Job) -> list[str]:
    found = [entry.path for entry in store().walk(f"{workspace_root(job)}/jobs/{job.name}/logs")]
    return sorted({USER_LOG, *found}, key=lambda path: (path != USER_LOG, path != SYSTEM_LOG, path))


def read(job: Job, file: str = USER_LOG, offset: int = 0) -> Piece:
    """What was logged from `offset` on, at most 4 MiB. A negative offset counts from the end.

    A piece ends where a character ends, so that two pieces never split one.
    """
    key = log_key(job, safe_key(file))
    # The state is read before the file: what a job that has ended printed is all there.
    ended = job.status.is_final
    size = store().size(key) or 0
    start = max(0, size + offset) if offset < 0 else min(offset, size)
    end = min(size, start + MOST)
    data = b"".join(store().read(key, start, end)) if end > start else b""
    data = data[: len(data) - _unfinished(data)] if not (ended and end == size) else data
    after = start + len(data)
    return Piece(data.decode(errors="replace"), after, ended and after >= size)


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not complete."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0


def whole(job: Job, file: str) -> Iterator[bytes]:
    """The bytes of a log, for a download; empty when nothing was logged."""
    key = log_key(job, safe_key(file))
    return store().read(key) if store().size(key) else iter(())
