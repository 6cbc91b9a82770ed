"""From a credential to the identity that it proves. Answers are kept for a few seconds in memory."""

import base64
import binascii
import time
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from starlette.requests import HTTPConnection

from app.access import bearer
from app.access.caller import Identity, WorkspaceRef, covers
from app.access.tables import RoleAssignment, Token, User, WebSession, Workspace
from app.database import reading, transaction
from app.errors import Unauthenticated
from app.kit.clock import now
from app.kit.ids import digest

COOKIE = "atelier_session"
CREDENTIAL = "stored_files_token"
"""The key of a request's scope under which its token of stored files is, which travels in the address."""
KEPT_SECONDS = 5.0
TOUCH_EVERY = timedelta(minutes=1)

STORED_FILES = frozenset({"data/read", "data/write", "jobs/read", "models/read"})
"""What a token of stored files may do, where the token that it stands for may do it."""

_identities: dict[str, tuple[float, Identity]] = {}
_workspaces: dict[str, tuple[float, WorkspaceRef]] = {}


def forget() -> None:
    """Drop what is remembered, so that a change of rights shows at once in this process."""
    _identities.clear()
    _workspaces.clear()


def credentials(request: HTTPConnection) -> tuple[str, str] | None:
    """The kind (`token`, `session` or `files`) and the secret that a request carries, or None.

    A token travels as `Bearer`, or as the password of `Basic`, which is how MLflow's client
    sends MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    if CREDENTIAL in request.scope:
        return "files", request.scope[CREDENTIAL]
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "token", value.strip()
    if scheme.lower() == "basic":
        try:
            return "token", base64.b64decode(value).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unauthenticated("The Authorization header is no valid Basic credential.") from error
    cookie = request.cookies.get(COOKIE)
    return ("session", cookie) if cookie else None


def is_kept(request: HTTPConnection, workspace: str) -> bool:
    """Whether who asks, and where, is in memory, so that to find out blocks nobody."""
    found = credentials(request)
    known = found and _identities.get(found[0] + digest(found[1])), _workspaces.get(workspace)
    return all(kept and kept[0] > time.monotonic() for kept in known)


def identify(kind: str, secret: str) -> Identity | None:
    """The identity behind a secret, or None for one that proves nothing (any more).

    It reads in a session of its own, so that a request which writes takes no lock to find out who asks.
    """
    key = digest(secret)
    kept = _identities.get(kind + key)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    with reading() as session:
        identity = _identity(session, kind, secret, key)
    if identity:
        if len(_identities) > 10_000:
            _identities.clear()
        _identities[kind + key] = time.monotonic() + KEPT_SECONDS, identity
    return identity


def _identity(session: Session, kind: str, secret: str, key: str) -> Identity | None:
    if kind == "session":
        return _by_session(session, key)
    claims = bearer.read(secret)
    if (claims is not None and claims.audience == bearer.STORAGE) != (kind == "files"):
        return None
    of_secret = Token.hash == key if claims is None else Token.id == claims.token_id
    token = session.scalar(select(Token).where(of_secret).options(joinedload(Token.user)))
    found = _by_token(session, token)
    return _confined(found, claims) if found and kind == "files" else found


def _confined(found: Identity, claims: bearer.Claims) -> Identity | None:
    if found.workspace_id not in (None, claims.workspace_id):
        return None
    limit = STORED_FILES if found.limit is None else {action for action in STORED_FILES if covers(found.limit, action)}
    return replace(found, workspace_id=claims.workspace_id, limit=frozenset(limit), prefix=claims.prefix)


def _by_token(session: Session, token: Token | None) -> Identity | None:
    if token is None or token.revoked_at or _is_past(token.expires_at) or not token.user.is_active:
        return None
    _touch(token)
    return Identity(
        token.user.id,
        token.user.name,
        token.user.display_name,
        _grants(session, token.user),
        credential=f"token {token.name}",
        token_id=token.id,
        workspace_id=token.workspace_id,
        run=token.run,
        limit=frozenset(token.actions) if token.actions is not None else None,
    )


def _by_session(session: Session, key: str) -> Identity | None:
    found = session.scalar(select(WebSession).where(WebSession.hash == key).options(joinedload(WebSession.user)))
    if found is None or _is_past(found.expires_at) or not found.user.is_active:
        return None
    user = found.user
    grants = _grants(session, user)
    return Identity(user.id, user.name, user.display_name, grants, "session", session_id=found.id)


def on_behalf_of(session: Session, name: str, credential: str) -> Identity | None:
    """Somebody for whom the server acts while they are away; None for one who may not sign in any more."""
    user = session.scalar(select(User).where(User.name == name))
    if user is None or not user.is_active:
        return None
    return Identity(user.id, user.name, user.display_name, _grants(session, user), credential)


def _is_past(at: datetime | None) -> bool:
    return at is not None and at <= now()


def _touch(token: Token) -> None:
    """Note when a token was last used, at most once a minute, outside the caller's transaction."""
    if token.run or (token.last_used_at and now() - token.last_used_at < TOUCH_EVERY):
        return
    _touched[token.id] = now()


_touched: dict[int, datetime] = {}


def write_touched() -> None:
    """Store the last uses noted since the last call. The web process calls this now and then."""
    if not _touched:
        return
    with transaction() as session:
        for token_id in list(_touched):
            token = session.get(Token, token_id)
            at = _touched.pop(token_id)
            if token:
                token.last_used_at = at


def _grants(session: Session, user: User) -> dict[int | None, frozenset[str]]:
    found = session.scalars(
        select(RoleAssignment).where(RoleAssignment.user_id == user.id).options(joinedload(RoleAssignment.role))
    )
    grants: dict[int | None, frozenset[str]] = {}
    for assignment in found:
        before = grants.get(assignment.workspace_id, frozenset())
        grants[assignment.workspace_id] = before | frozenset(assignment.role.actions)
    return grants


def workspaces_of(who: Identity) -> list[str]:
    """The names of the workspaces in which somebody has a role, in order."""
    ids = [who.workspace_id] if who.workspace_id else [id for id in who.grants if id is not None]
    with reading() as session:
        named = select(Workspace.name).where(Workspace.id.in_(ids), Workspace.is_registry.is_(False))
        return list(session.scalars(named.order_by(Workspace.name)))


def find_workspace(name: str) -> WorkspaceRef | None:
    kept = _workspaces.get(name)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    with reading() as session:
        row = session.scalar(select(Workspace).where(Workspace.name == name, Workspace.is_registry.is_(False)))
    if row is None:
        return None
    ref = WorkspaceRef(row.id, row.name, row.display_name)
    _workspaces[name] = time.monotonic() + KEPT_SECONDS, ref
    return ref
