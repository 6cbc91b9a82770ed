"""The files of a model version."""

from app.errors import NotFound
from app.kit.storage import Entry, safe_key, store
from app.models.tables import ModelVersion


def listing(version: ModelVersion, path: str = "") -> list[Entry]:
    """What lies directly below `path`; the entries' paths start at the version's root."""
    below = safe_key(path)
    prefix = f"{below}/" if below else ""
    found = store().list(safe_key(version.path, below))
    return [Entry(prefix + entry.path, entry.is_folder, entry.size) for entry in found]


def file_key(version: ModelVersion, path: str) -> str:
    key = safe_key(version.path, path)
    if store().size(key) is None:
        raise NotFound(f"path: there is no file {path!r} in this version.", target="path")
    return key
