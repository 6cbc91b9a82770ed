"""The artifact store: files by key, on a local disk or in an S3 bucket."""

from app.kit.storage.keys import safe_key
from app.kit.storage.local import LocalStorage, SharedFolder
from app.kit.storage.store import Entry, Files, Storage, WritableFiles

__all__ = ["Entry", "Files", "LocalStorage", "SharedFolder", "Storage", "WritableFiles", "connect", "safe_key", "store"]

_store: Storage


def connect(root: str) -> Storage:
    """Use `root` (a folder or `s3://bucket/prefix`) from here on in this process."""
    global _store
    if root.startswith("s3://"):
        from app.kit.storage.s3 import S3Storage  # boto3 is an optional extra

        _store = S3Storage(root)
    else:
        _store = LocalStorage(root)
    return _store


def store() -> Storage:
    return _store
