"""What was collected of deployments is kept for a number of days."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import select

from app.access.tables import Workspace
from app.data.service import workspace_key
from app.database import reading
from app.endpoints.collecting import settings
from app.endpoints.tables import OnlineDeployment
from app.kit.clock import now
from app.kit.storage import store

WRITTEN = re.compile(r"(?:.*/)?\w+_\d+\.jsonl")
"""What processes that score write; whatever else lies in a folder is somebody's own."""


def forget_old(days: int) -> None:
    """Delete what was collected on days (UTC) that are longer ago."""
    first = (now() - timedelta(days=days)).date()
    for folder in sorted(_folders()):
        for day, key in _days(folder):
            if day < first:
                _empty(key)


def _folders() -> set[str]:
    """Keys of all collections, also those of deployments that are gone, where no other folder was named for them."""
    with reading() as session:
        workspaces = session.scalars(select(Workspace.id)).all()
        deployments = session.scalars(select(OnlineDeployment).where(OnlineDeployment.data_collector.is_not(None)))
        named = {
            workspace_key(found.endpoint.workspace_id, collection.folder)
            for found in deployments
            if (collecting := settings.of(found)) is not None
            for collection in collecting.collections.values()
        }
    for workspace_id in workspaces:
        folders = [workspace_key(workspace_id, settings.ROOT)]
        for _ in ("endpoint", "deployment", "collection"):
            folders = [below for folder in folders for below in _below(folder)]
        named |= set(folders)
    return named


def _below(folder: str) -> list[str]:
    return [f"{folder}/{entry.path}" for entry in store().list(folder) if entry.is_folder]


def _days(folder: str) -> Iterator[tuple[date, str]]:
    for year in _below(folder):
        if re.fullmatch(r".*/\d{4}", year):
            for month in _below(year):
                for key in _below(month):
                    if day := _date(key):
                        yield day, key


def _date(key: str) -> date | None:
    try:
        return date.fromisoformat("-".join(key.split("/")[-3:]))
    except ValueError:
        return None


def _empty(key: str) -> None:
    files = [entry.path for entry in store().walk(key)]
    if all(WRITTEN.fullmatch(path) for path in files):
        store().delete(key)
        return
    for path in files:
        if WRITTEN.fullmatch(path):
            store().delete(f"{key}/{path}")
