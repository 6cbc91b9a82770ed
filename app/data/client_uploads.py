"""Where clients of Azure put what they upload, `LocalUpload/CONTAINER/FILE-OR-FOLDER`, and what is kept beside it.

A seal says that an upload is complete; of each file there may be metadata, and blocks that are not put together yet.
"""

import hashlib

from app.kit.storage import store

UPLOADS = "LocalUpload"
BESIDE = "blob-"
_DEPTH = 3


def beside(workspace_id: int, kind: str, path: str) -> str:
    """The key at which something is kept of a path in the workspace's store."""
    return f"workspaces/{workspace_id}/{BESIDE}{kind}/{hashlib.sha256(path.encode()).hexdigest()}"


def seal(workspace_id: int, path: str) -> str:
    """The key that is there once the upload to which the path belongs is complete."""
    return beside(workspace_id, "seals", "/".join(path.split("/")[:_DEPTH]))


def delete(workspace_id: int, container: str) -> None:
    """A container with all that is kept beside it, so that the same may be uploaded once more."""
    place = f"{UPLOADS}/{container}"
    for entry in store().list(f"workspaces/{workspace_id}/{place}"):
        store().delete(seal(workspace_id, f"{place}/{entry.path}"))
    for entry in store().walk(f"workspaces/{workspace_id}/{place}"):
        store().delete(beside(workspace_id, "metadata", f"{place}/{entry.path}"))
        store().delete(beside(workspace_id, "blocks", f"{place}/{entry.path}"))
    store().delete(f"workspaces/{workspace_id}/{place}")
