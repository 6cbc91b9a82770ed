"""Finds the reader for the address of a store."""

from pathlib import Path
from urllib.parse import urlparse

from app.sdk.mlflow_stores.artifacts import Artifacts
from app.sdk.mlflow_stores.layout import local_path
from app.sdk.mlflow_stores.records import Note, Store, Unreadable


def open_store(uri: str, *, artifacts_root: str | None, workspace: str, note: Note) -> Store:
    """`uri` is what MLFLOW_TRACKING_URI would be. Raises Unreadable when there is no store of MLflow."""
    artifacts = Artifacts(artifacts_root)
    if urlparse(uri).scheme in ("http", "https"):
        from app.sdk.mlflow_stores.server import ServerStore

        return ServerStore(uri, workspace, artifacts, note)
    folder = local_path(uri)
    if folder is None:
        from app.sdk.mlflow_stores.database import DatabaseStore

        return DatabaseStore(uri, workspace, artifacts, note)
    return _folder(folder, artifacts, note)


def _folder(folder: Path, artifacts: Artifacts, note: Note) -> Store:
    from app.sdk.mlflow_stores.files import FileStore

    if folder.is_file():
        raise Unreadable(f"{folder} is a file. If it is a database of MLflow, write sqlite:///{folder.resolve()}.")
    if not folder.is_dir():
        raise Unreadable(f"There is no folder {folder}.")
    return FileStore(folder, artifacts, note)
