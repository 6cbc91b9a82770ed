from dataclasses import dataclass


@dataclass(frozen=True)
class WorkspaceCreated:
    """A workspace is new; whoever keeps something in every workspace puts it there now."""

    workspace_id: int
    created_by: str


@dataclass(frozen=True)
class WorkspaceDeleting:
    """A workspace is about to be deleted with all that it holds; who has something at work there raises Conflict."""

    workspace_id: int
