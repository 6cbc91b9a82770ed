"""Everything that changes a workspace."""

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access import identity
from app.access.tables import Workspace
from app.database import Base
from app.errors import AlreadyExists, Conflict, Invalid
from app.kit.events import publish
from app.workspaces.events import WorkspaceCreated, WorkspaceDeleting

DEFAULT = "default"
# Tables whose rows make a workspace one that holds something, and what one of them is called.
HELD = {
    "jobs": "job",
    "registered_models": "model",
    "components": "component",
    "environments": "environment",
    "online_endpoints": "online endpoint",
    "batch_endpoints": "batch endpoint",
    "schedules": "schedule",
    "traces": "trace",
    "data_assets": "data asset",
    "evaluation_datasets": "evaluation dataset",
    "connections": "connection",
}
EXAMPLE = ("data_assets", "digits")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,32}")


def create(session: Session, name: str, display_name: str = "", description: str = "", *, created_by: str) -> Workspace:
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is no workspace name. Use 2 to 33 lower-case letters, digits, '-' and '_', "
            "a letter or digit first.",
            target="name",
        )
    if session.scalar(select(Workspace.id).where(Workspace.name == name)):
        raise AlreadyExists(f"There is a workspace {name!r} already.", target="name")
    workspace = Workspace(name=name, display_name=display_name or name, description=description)
    session.add(workspace)
    session.flush()
    identity.forget()
    publish(session, WorkspaceCreated(workspace.id, created_by))
    return workspace


def describe(
    session: Session, workspace: Workspace, description: str | None = None, display_name: str | None = None
) -> None:
    """Change what is said of a workspace; None leaves it as it is."""
    workspace.description = workspace.description if description is None else description
    workspace.display_name = display_name or workspace.display_name
    session.flush()
    identity.forget()


def delete(session: Session, workspace: Workspace, *, all_resources: bool) -> None:
    """With all that is in it, for good.

    Raises Conflict for the default workspace, for one that holds something unless `all_resources` says that it goes
    too, and while something of it is at work.
    """
    if workspace.name == DEFAULT:
        raise Conflict(
            f"The workspace {DEFAULT!r} stays: addresses that name no workspace mean it.", target="workspace"
        )
    held = _held(session, workspace.id)
    if held and not all_resources:
        raise Conflict(
            f"The workspace {workspace.name!r} holds {', '.join(held)}; say all_resources (--all-resources) to delete "
            "them too, for good.",
            target="all_resources",
        )
    publish(session, WorkspaceDeleting(workspace.id))
    session.delete(workspace)
    session.flush()
    identity.forget()


def _held(session: Session, workspace_id: int) -> list[str]:
    """`3 jobs`, `1 model`; the example that every workspace starts with does not count."""
    found = []
    for name, word in HELD.items():
        table = Base.metadata.tables[name]
        own = [table.c.workspace_id == workspace_id, *([table.c.name != EXAMPLE[1]] if name == EXAMPLE[0] else [])]
        if count := session.scalar(select(func.count()).select_from(table).where(*own)):
            found.append(f"{count:,} {word}{'' if count == 1 else 's'}")
    return found
