"""Where the access log of an endpoint lies: files that each process that scores writes by itself, in bounded space."""

from typing import NamedTuple

from app.kit.storage import store

MOST_BYTES = 64 * 2**20
"""Of one endpoint; beyond that its oldest files are deleted."""
FILE_BYTES = 4 * 2**20
FILE_SECONDS = 3600
KEPT_SECONDS = 30 * 24 * 3600
SUFFIX = ".jsonl"


class LogFile(NamedTuple):
    """`began` is in Unix milliseconds; `source` is the process that writes it."""

    began: int
    source: str
    size: int

    @property
    def name(self) -> str:
        return f"{self.began:015d}-{self.source}{SUFFIX}"


def folder(workspace_id: int, endpoint_id: int) -> str:
    return f"workspaces/{workspace_id}/endpoints/access-{endpoint_id}"


def key(workspace_id: int, endpoint_id: int, file: LogFile) -> str:
    return f"{folder(workspace_id, endpoint_id)}/{file.name}"


def found(workspace_id: int, endpoint_id: int) -> list[LogFile]:
    """The oldest first."""
    files = []
    for entry in store().list(folder(workspace_id, endpoint_id)):
        began, _, source = entry.path.removesuffix(SUFFIX).partition("-")
        if began.isdigit() and source:
            files.append(LogFile(int(began), source, entry.size))
    return sorted(files)


def trim(workspace_id: int, endpoint_id: int, moment: int) -> None:
    """Delete the oldest files beyond the bound, and those whose time is over at Unix millisecond `moment`."""
    files = found(workspace_id, endpoint_id)
    size = sum(file.size for file in files)
    for file in files:
        if size <= MOST_BYTES and file.began >= moment - KEPT_SECONDS * 1000:
            return
        store().delete(key(workspace_id, endpoint_id, file))
        size -= file.size


def clear(workspace_id: int, endpoint_id: int) -> None:
    """Begin anew: SQLite gives the id of a deleted endpoint to the next one."""
    store().delete(folder(workspace_id, endpoint_id))
