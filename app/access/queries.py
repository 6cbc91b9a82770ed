"""Reads of people, roles and tokens."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.access.tables import Role, RoleAssignment, Token, User, Workspace
from app.errors import NotFound


def find_user(session: Session, name: str) -> User | None:
    return session.scalar(select(User).where(User.name == name))


def get_user(session: Session, name: str) -> User:
    user = find_user(session, name)
    if user is None:
        raise NotFound(f"There is no user {name!r}.", target="user")
    return user


def get_role(session: Session, name: str) -> Role:
    role = session.scalar(select(Role).where(Role.name == name))
    if role is None:
        known = ", ".join(found.name for found in roles(session))
        raise NotFound(f"There is no role {name!r}. The roles are {known}.", target="role")
    return role


def roles(session: Session) -> Sequence[Role]:
    return session.scalars(select(Role).order_by(Role.id)).all()


def assignments(session: Session, workspace_id: int) -> Sequence[RoleAssignment]:
    """Who has which role in a workspace, those who have it everywhere included."""
    return session.scalars(
        select(RoleAssignment)
        .join(User)
        .where(or_(RoleAssignment.workspace_id == workspace_id, RoleAssignment.workspace_id.is_(None)))
        .options(joinedload(RoleAssignment.user), joinedload(RoleAssignment.role))
        .order_by(User.name, RoleAssignment.workspace_id)
    ).all()


def get_assignment(session: Session, workspace_id: int, assignment_id: int) -> RoleAssignment:
    found = session.get(RoleAssignment, assignment_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound("There is no such role assignment in this workspace.", target="assignment")
    return found


def tokens(session: Session, user_id: int) -> Sequence[Token]:
    """A user's personal tokens, newest first; a run's own are not shown."""
    return session.scalars(
        select(Token)
        .where(Token.user_id == user_id, Token.run.is_(None), Token.revoked_at.is_(None))
        .order_by(Token.id.desc())
    ).all()


def get_token(session: Session, user_id: int, token_id: int) -> Token:
    token = session.get(Token, token_id)
    if token is None or token.user_id != user_id or token.run:
        raise NotFound("You have no such token.", target="token")
    return token


def workspaces(session: Session) -> Sequence[Workspace]:
    return session.scalars(select(Workspace).where(Workspace.is_registry.is_(False)).order_by(Workspace.name)).all()
