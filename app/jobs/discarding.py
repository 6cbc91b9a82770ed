"""Files go after the rows that told of them: noted in the same transaction, and deleted by workers."""

from collections.abc import Sequence

from sqlalchemy import Exists, delete, exists, select
from sqlalchemy.orm import Session

from app.database import reading, transaction
from app.errors import Conflict
from app.jobs.tables import DiscardedFiles
from app.kit.storage import store

_AT_ONCE = 200


def discard(session: Session, key: str, kept: Sequence[str] = ()) -> None:
    """Have the files at and below a storage key deleted after commit, but those at and below the keys `kept`."""
    session.merge(DiscardedFiles(key=key, kept=list(kept)))


def check_free(session: Session, key: str, target: str) -> None:
    """Raise Conflict while files below a key wait to be deleted, lest new ones go with them."""
    if session.get(DiscardedFiles, key) is not None:
        raise Conflict(
            f"{target}: files of a deleted job of this name are still being removed. Try again in a minute, "
            "or take another name.",
            target=target,
        )


def is_any_waiting() -> Exists:
    return exists().where(DiscardedFiles.key.is_not(None))


def delete_discarded() -> None:
    """Delete what waits. Each is done whole or done again, so two workers at once do no harm."""
    with reading() as session:
        waiting = session.execute(select(DiscardedFiles.key, DiscardedFiles.kept).limit(_AT_ONCE)).all()
    for key, kept in waiting:
        _delete(key, kept)
    if waiting:
        with transaction() as session:
            session.execute(delete(DiscardedFiles).where(DiscardedFiles.key.in_([key for key, _ in waiting])))


def _delete(key: str, kept: Sequence[str]) -> None:
    if not kept:
        store().delete(key)
        return
    for entry in store().walk(key):
        file = f"{key}/{entry.path}"
        if not any(file == held or file.startswith(f"{held}/") for held in kept):
            store().delete(file)
