from dataclasses import dataclass


@dataclass(frozen=True)
class WorkspaceCreated:
    """A workspace is new; whoever keeps something in every workspace puts it there now."""

    workspace_id: int
    created_by: str
