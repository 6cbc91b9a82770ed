"""`allow(ACTION)` is the only way for a route to be reachable; tests reject a route without it."""

import hmac
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.access import identity
from app.access.caller import Caller, Identity, covers
from app.access.events import Acted
from app.access.permissions import Action
from app.errors import Forbidden, NotFound, Unauthenticated
from app.kit.events import publish
from app.kit.ids import digest
from app.web.addressing import ANYWHERE, DEFAULT, local_path, workspace_name
from app.web.session import SAFE, SessionDep


async def _form_csrf(request: Request) -> None:
    """Fetch the token of a plain form, which a page without scripts sends instead of the header."""
    content_type = request.headers.get("content-type", "")
    is_form = content_type.startswith(("application/x-www-form-urlencoded", "multipart/form-data"))
    if is_form and request.method not in SAFE and "x-csrf-token" not in request.headers:
        request.state.form_csrf = str((await request.form()).get("csrf_token", ""))


@dataclass(frozen=True)
class Guard:
    action: Action

    def __call__(self, request: Request, session: SessionDep, _form: Annotated[None, Depends(_form_csrf)]) -> None:
        caller = self._caller(request)
        request.state.caller = session.info["caller"] = caller
        request.state.action = self.action
        if request.method not in SAFE and self.action.audited:
            session.info.setdefault("conclude", []).append(Record(self.action, request))

    def _caller(self, request: Request) -> Caller | None:
        who = _identity(request)
        if who is None:
            if self.action.scope == "public":
                _check_origin(request)
                return None
            raise Unauthenticated(_how_to_sign_in(request))
        if self.action.scope in ("self", "public"):
            workspace = identity.find_workspace(workspace_name(request))
            visible = workspace if workspace and who.actions_in(workspace.id) else None
            caller = Caller(who, visible, who.actions_in(visible.id if visible else None))
            if self.action.scope == "self" and (who.run or who.limit is not None):
                raise Forbidden("A token confined to a run may not read or change an account.")
            return caller
        return self._in_workspace(request, who)

    def _in_workspace(self, request: Request, who: Identity) -> Caller:
        name = workspace_name(request)
        if name == ANYWHERE:
            name = self._place(who)
        workspace = identity.find_workspace(name)
        actions = who.actions_in(workspace.id) if workspace else frozenset()
        confined = who.workspace_id is not None and workspace and who.workspace_id != workspace.id
        if not actions or confined:
            # To somebody outside the workspace nothing in it exists.
            raise NotFound(f"There is no workspace {name!r}, or it is not open to you.", target=name)
        if self.action.scope == "organisation":
            actions = who.actions_in(None)
        caller = Caller(who, workspace, actions)
        if not caller.can(self.action.name):
            raise Forbidden(
                f"{who.name} may not do {self.action.name} in the workspace {name!r} ({self.action.description}).",
                target=self.action.name,
            )
        return caller

    def _place(self, who: Identity) -> str:
        """A workspace in which who asks may do this, `default` before others; where there is none, one of theirs."""
        names = [*(() if who.workspace_id else (DEFAULT,)), *identity.workspaces_of(who)]
        places = [place for name in names if (place := identity.find_workspace(name))]
        own = [place for place in places if who.actions_in(place.id)]
        able = (place for place in own if covers(who.actions_in(place.id), self.action.name))
        return next((place.name for place in (*able, *own)), DEFAULT)


@dataclass(frozen=True)
class Record:
    """Publishes what was done, at the end of the request's transaction and inside it."""

    action: Action
    request: Request = field(repr=False)

    def __call__(self, session: Session) -> None:
        request, caller = self.request, session.info.get("caller")
        changes = session.info.pop("changes", None) or [_from_address(request)]
        actor = session.info.get("actor") or (caller.user.name if caller else "anonymous")
        for change in changes:
            acted = Acted(
                workspace_id=caller.workspace.id if caller and caller.workspace else None,
                actor=actor,
                credential=caller.user.credential if caller else "none",
                action=self.action.name,
                request_id=getattr(request.state, "request_id", None),
                address=request.client.host if request.client else None,
                **change,
            )
            publish(session, acted)


def note(session: Session, target_type: str, target_name: str, before: dict | None = None, after: dict | None = None):
    """Say what a write did to which thing, for the audit record of this request."""
    change = {"target_type": target_type, "target_name": target_name, "before": before, "after": after}
    session.info.setdefault("changes", []).append(change)


def _from_address(request: Request) -> dict:
    names = [str(value) for value in request.path_params.values()]
    kind = local_path(request).strip("/").removeprefix("api/").split("/")[0]
    return {"target_type": kind, "target_name": "/".join(names) or None, "before": None, "after": None}


def _identity(request: Request) -> Identity | None:
    found = identity.credentials(request)
    if found is None:
        return None
    who = identity.identify(*found)
    if who is None and found[0] == "token":
        raise Unauthenticated("The token is not valid: it is unknown, expired or revoked.")
    if who is not None and found[0] == "session":
        request.state.csrf_token = csrf_token(found[1])
        if request.method not in SAFE:
            _check_csrf(request)
    return who


def csrf_token(secret: str) -> str:
    """Bound to the session, so that it needs no table and no second cookie."""
    return digest("csrf:" + secret)


def _check_csrf(request: Request) -> None:
    given = request.headers.get("x-csrf-token") or getattr(request.state, "form_csrf", "")
    if not hmac.compare_digest(given, request.state.csrf_token):
        raise Forbidden(
            "This form is too old or came from elsewhere. Reload the page and try again.", target="csrf_token"
        )


def _check_origin(request: Request) -> None:
    """A form that signs in has no session to bind a token to, so it must come from our own pages."""
    origin = request.headers.get("origin")
    if request.method not in SAFE and origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("This form came from another site.")


def _how_to_sign_in(request: Request) -> str:
    return f"{request.scope['path']} needs a sign-in, or a token sent as 'Authorization: Bearer …'."


def allow(action: Action):
    return Depends(Guard(action))


def _caller_of(request: Request) -> Caller:
    return request.state.caller


CallerDep = Annotated[Caller, Depends(_caller_of)]
