"""Remembers what of a store has come, so that an import goes on where it stopped."""

import hashlib
import json
import os
import sqlite3
from pathlib import Path

from app.sdk.mlflow_stores.records import Record, Unreadable

_SETUP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE IF NOT EXISTS come (kind TEXT, id TEXT, mark TEXT, experiment TEXT, PRIMARY KEY (kind, id))",
)


def default_file(server: str, workspace: str, store: str) -> Path:
    """One file for each store and place that it goes to, where programs keep their state (XDG)."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state", "atelier", "imports")
    name = hashlib.sha256("\n".join((server, workspace, store)).encode()).hexdigest()[:16]
    return folder / f"{name}.sqlite"


def mark_of(record: Record, *, with_files: bool) -> str:
    """Changes when the record does; one that came with its files counts as come without them, too."""
    text = json.dumps(record, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32] + ("+files" if with_files else "")


class State:
    """Only a shortcut: the server knows by itself what it has, and a lost file costs time alone."""

    def __init__(self, file: Path | None) -> None:
        """Without a file it forgets at the end. Raises Unreadable."""
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(file or ":memory:", isolation_level=None)
            for statement in _SETUP:
                self._database.execute(statement)
        except (OSError, sqlite3.Error) as error:
            raise Unreadable(
                f"What has come cannot be kept in {file}: {error}. Choose another with --state."
            ) from error

    def has(self, kind: str, record_id: str, mark: str | None = None) -> bool:
        row = self._database.execute("SELECT mark FROM come WHERE kind = ? AND id = ?", (kind, record_id)).fetchone()
        return row is not None and (mark is None or row[0] in (mark, f"{mark}+files"))

    def add(self, kind: str, record_id: str, mark: str, experiment: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO come VALUES (?, ?, ?, ?)", (kind, record_id, mark, experiment))

    def forget(self, experiment: str) -> None:
        """Of an experiment that the server had no more."""
        self._database.execute("DELETE FROM come WHERE experiment = ?", (experiment,))

    def close(self) -> None:
        self._database.close()
