"""Everything that changes a workspace."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import identity
from app.access.tables import Workspace
from app.errors import AlreadyExists, Invalid
from app.kit.events import publish
from app.workspaces.events import WorkspaceCreated

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")


def create(session: Session, name: str, display_name: str = "", description: str = "", *, created_by: str) -> Workspace:
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is no workspace name. Use 2 to 32 lower-case letters, digits and '-', a letter or digit first.",
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
