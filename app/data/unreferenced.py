"""Uploads that nothing refers to leave the artifact store, after days in which something might have.

What refers to an upload is not asked of each domain: every text and JSON column of the registry is searched for its
place, so that a table that is added later counts as well, and whatever is only mentioned is kept too. Since when an
upload is unreferenced is noted in the store, as `unreferenced-uploads/DAY/WORKSPACE/PLACE`. A place is
`uploads/DIGEST`, or `LocalUpload/CONTAINER` for what clients of Azure uploaded.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from sqlalchemy import JSON, Column, String, Table, Text, cast, or_, select

from app.data import client_uploads
from app.database import Base, reading
from app.kit.clock import now
from app.kit.storage import store

NOTES = "unreferenced-uploads"
FOLDERS = ("uploads", client_uploads.UPLOADS)
_PLACE = re.compile(rf"uploads/[0-9a-f]{{32}}|{client_uploads.UPLOADS}/[^/\s\"'\\]+")
_ROWS_AT_ONCE = 1000


def keep(workspace_id: int, place: str) -> None:
    """The same files were sent again, or asked for: count from today."""
    for note in _notes(f"{workspace_id}/{place}"):
        store().delete(note)


def sweep(days: int) -> int:
    """Note what is unreferenced now, and delete what has been for `days`; the number of uploads deleted."""
    lying = list(_lying())
    referenced = _referenced() if lying else set()
    for upload in lying:
        _note(upload, upload.partition("/")[2] in referenced)
    limit = now().date() - timedelta(days=days)
    due = [note for note in _notes() if date.fromisoformat(note.split("/")[1]) <= limit]
    # Between the two looks somebody may have come to use it.
    referenced = _referenced() if due else set()
    return sum(_delete(note) for note in due if note.split("/", 3)[3] not in referenced)


def _lying() -> Iterator[str]:
    """`WORKSPACE/PLACE` of each upload."""
    for workspace in store().list("workspaces"):
        for folder in FOLDERS:
            for entry in store().list(f"workspaces/{workspace.path}/{folder}"):
                yield f"{workspace.path}/{folder}/{entry.path}"


def _notes(upload: str | None = None) -> Iterator[str]:
    for day in store().list(NOTES):
        if upload is None:
            yield from (f"{NOTES}/{day.path}/{entry.path}" for entry in store().walk(f"{NOTES}/{day.path}"))
        elif store().size(f"{NOTES}/{day.path}/{upload}") is not None:
            yield f"{NOTES}/{day.path}/{upload}"


def _note(upload: str, is_referenced: bool) -> None:
    noted = list(_notes(upload))
    if is_referenced:
        for note in noted:
            store().delete(note)
    elif not noted:
        store().write_bytes(f"{NOTES}/{now().date().isoformat()}/{upload}", b"")


def _delete(note: str) -> bool:
    if store().size(note) is None:
        return False
    workspace, folder, name = note.split("/")[2:]
    store().delete(note)
    if folder == client_uploads.UPLOADS:
        client_uploads.delete(int(workspace), name)
    else:
        store().delete(f"workspaces/{workspace}/{folder}/{name}")
    return True


def _referenced() -> set[str]:
    """The places of uploads that stand anywhere in the registry."""
    found: set[str] = set()
    with reading() as session:
        for table in Base.metadata.sorted_tables:
            if columns := _texts(table):
                named = select(*columns).where(
                    or_(*[column.contains(f"{folder}/") for column in columns for folder in FOLDERS])
                )
                rows = session.execute(named, execution_options={"yield_per": _ROWS_AT_ONCE})
                found.update(_places(text for row in rows for text in row if text))
    return found


def _texts(table: Table) -> list[Column]:
    kinds = (column for column in table.columns if isinstance(column.type, String | JSON))
    return [cast(column, Text) if isinstance(column.type, JSON) else column for column in kinds]


def _places(texts: Iterable[str]) -> Iterator[str]:
    return (place for text in texts for place in _PLACE.findall(text))
