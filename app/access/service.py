"""Everything that changes people, roles, tokens and sessions."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.access import identity, queries
from app.access.passwords import hash_password, matches
from app.access.tables import (
    Role,
    RoleAssignment,
    SignInFailure,
    SignInLink,
    Token,
    User,
    WebSession,
)
from app.errors import AlreadyExists, Conflict, Invalid, QuotaExceeded, Unauthenticated
from app.kit.clock import now
from app.kit.ids import digest, secret

FAILURES_ALLOWED = 10
FAILURE_WINDOW = timedelta(minutes=10)
LINK_LIFE = timedelta(hours=1)
RUN_ACTIONS = [
    "jobs/read",
    "tracking/*",
    "experiments/*",
    "data/read",
    "data/write",
    "models/*",
    "environments/read",
]
"""What a job's own token may do, where its submitter may do it."""


def create_user(session: Session, name: str, display_name: str, password: str) -> User:
    if queries.find_user(session, name):
        raise AlreadyExists(f"There is a user {name!r} already.", target="name")
    user = User(name=name, display_name=display_name or name, password_hash=hash_password(password))
    session.add(user)
    session.flush()
    return user


def set_password(session: Session, user: User, password: str) -> None:
    """Change a password and end every sign-in that used the old one."""
    user.password_hash = hash_password(password)
    session.execute(delete(WebSession).where(WebSession.user_id == user.id))
    identity.forget()


def change_password(session: Session, user_id: int, current: str, new: str) -> None:
    user = session.get_one(User, user_id)
    if not matches(user.password_hash, current):
        raise Invalid("The current password is not right.", target="current_password")
    set_password(session, user, new)


def set_active(session: Session, user: User, active: bool) -> None:
    user.is_active = active
    identity.forget()


def assign(session: Session, user: User, role: Role, workspace_id: int | None) -> RoleAssignment:
    """Give a role; the one of the same scope that the user had is replaced."""
    found = session.scalar(
        select(RoleAssignment).where(
            RoleAssignment.user_id == user.id, RoleAssignment.workspace_id.is_not_distinct_from(workspace_id)
        )
    )
    if found:
        _keep_an_owner(session, found)
        found.role = role
    else:
        found = RoleAssignment(user_id=user.id, role=role, workspace_id=workspace_id)
        session.add(found)
    session.flush()
    identity.forget()
    return found


def remove(session: Session, assignment: RoleAssignment) -> None:
    _keep_an_owner(session, assignment)
    session.delete(assignment)
    session.flush()
    identity.forget()


def _keep_an_owner(session: Session, assignment: RoleAssignment) -> None:
    """Nobody may lock everybody out."""
    if assignment.role.name != "Owner" or assignment.workspace_id is not None:
        return
    others = session.scalar(
        select(func.count())
        .select_from(RoleAssignment)
        .join(Role)
        .join(User)
        .where(Role.name == "Owner", RoleAssignment.workspace_id.is_(None), User.is_active)
        .where(RoleAssignment.id != assignment.id)
    )
    if not others:
        raise Conflict("This is the last Owner of the organisation. Make somebody else Owner first.", target="role")


def create_token(
    session: Session, user: User, name: str, *, days: int | None = None, workspace_id: int | None = None
) -> tuple[Token, str]:
    """A personal token and its secret, which is shown once and never stored."""
    if not name.strip():
        raise Invalid("A token needs a name, so that you know later what it is for.", target="name")
    expires = now() + timedelta(days=days) if days else None
    return _token(session, user, name.strip(), expires, workspace_id=workspace_id)


def create_run_token(session: Session, user: User, run: str, workspace_id: int) -> str:
    """A token that may write one run and its children, for as long as the run lasts."""
    expires = now() + timedelta(days=30)
    fields = {"workspace_id": workspace_id, "run": run, "actions": RUN_ACTIONS}
    return _token(session, user, f"run {run}", expires, **fields)[1]


def revoke_run_tokens(session: Session, run: str) -> None:
    for token in session.scalars(select(Token).where(Token.run == run, Token.revoked_at.is_(None))):
        token.revoked_at = now()
    identity.forget()


def _token(session: Session, user: User, name: str, expires_at, **fields) -> tuple[Token, str]:
    plain = secret("atl_")
    token = Token(user_id=user.id, name=name, hash=digest(plain), hint=plain[:8], expires_at=expires_at, **fields)
    session.add(token)
    session.flush()
    return token, plain


def revoke_token(session: Session, token: Token) -> None:
    token.revoked_at = token.revoked_at or now()
    identity.forget()


def sign_in(session: Session, name: str, password: str, days: int) -> str:
    """The secret of a new session; raises Unauthenticated, or QuotaExceeded after too many failures."""
    since = now() - FAILURE_WINDOW
    failures = select(func.count()).where(SignInFailure.name == name, SignInFailure.at > since)
    if session.scalar(failures) >= FAILURES_ALLOWED:
        raise QuotaExceeded("Too many failed sign-ins for this name. Wait ten minutes.", target="name")
    user = queries.find_user(session, name)
    if not matches(user.password_hash if user else None, password) or not user.is_active:
        raise Unauthenticated("The name or the password is not right.", target="password")
    return start_session(session, user, days)


def note_failure(session: Session, name: str) -> None:
    session.add(SignInFailure(name=name[:200]))
    session.execute(delete(SignInFailure).where(SignInFailure.at < now() - FAILURE_WINDOW))


def start_session(session: Session, user: User, days: int) -> str:
    plain = secret()
    session.add(WebSession(hash=digest(plain), user_id=user.id, expires_at=now() + timedelta(days=days)))
    session.execute(delete(WebSession).where(WebSession.expires_at < now()))
    session.info["actor"] = user.name
    return plain


def end_session(session: Session, session_id: int) -> None:
    session.execute(delete(WebSession).where(WebSession.id == session_id))
    identity.forget()


def create_link(session: Session, user: User) -> str:
    """The secret of a link that signs in once within an hour."""
    plain = secret()
    session.add(SignInLink(hash=digest(plain), user_id=user.id, expires_at=now() + LINK_LIFE))
    return plain


def use_link(session: Session, plain: str, days: int) -> str:
    """The secret of a new session for a link that was never used."""
    link = session.scalar(select(SignInLink).where(SignInLink.hash == digest(plain)))
    if link is None or link.used_at or link.expires_at < now():
        raise Unauthenticated("This sign-in link was used or is too old. Sign in with your password.")
    link.used_at = now()
    return start_session(session, session.get_one(User, link.user_id), days)
