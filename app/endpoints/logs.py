"""Where the logs of scoring servers lie, and how they are read."""

from app.endpoints.tables import OnlineDeployment
from app.kit.storage import store

MOST = 1 << 20


def key(workspace_id: int, deployment_id: int, instance: int) -> str:
    return f"{_folder(workspace_id, deployment_id)}/instance-{instance}.txt"


def _folder(workspace_id: int, deployment_id: int) -> str:
    return f"workspaces/{workspace_id}/endpoints/{deployment_id}"


def clear(deployment: OnlineDeployment) -> None:
    """Begin anew: SQLite gives the id of a deleted deployment to the next one, which would show its logs."""
    store().delete(_folder(deployment.endpoint.workspace_id, deployment.id))


def read(deployment: OnlineDeployment, instance: int, offset: int) -> tuple[str, int]:
    """Text from a byte offset on, at most 1 MiB, and the offset after it."""
    found = key(deployment.endpoint.workspace_id, deployment.id, instance)
    size = store().size(found) or 0
    start = max(0, size + offset) if offset < 0 else min(offset, size)
    end = min(size, start + MOST)
    data = b"".join(store().read(found, start, end)) if end > start else b""
    return data.decode(errors="replace"), end
