"""Archive and restore, over REST and as forms of pages, of every kind of versioned asset."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import Action
from app.assets.versioned import Versioned
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

Read = Callable[[Session, Any], BaseModel]
VERSION = "/{name}/versions/{version}"


def routes(kind: Versioned, target: str, write: Action, answers: type[BaseModel], read: Read) -> APIRouter:
    """`POST …/NAME/archive`, `…/NAME/versions/V/archive` and the same with `restore`; they answer the version.

    `target` is what audit records call the kind, and `read` makes the answer of a version.
    """
    router = APIRouter()

    def set_archived(session: Session, caller: Caller, name: str, version: str | None, archived: bool) -> BaseModel:
        return read(session, _set(kind, target, session, caller, name, version, archived))

    @router.post("/{name}/archive", response_model=answers, dependencies=[allow(write)])
    def archive(name: str, session: SessionDep, caller: CallerDep) -> BaseModel:
        return set_archived(session, caller, name, None, True)

    @router.post("/{name}/restore", response_model=answers, dependencies=[allow(write)])
    def restore(name: str, session: SessionDep, caller: CallerDep) -> BaseModel:
        return set_archived(session, caller, name, None, False)

    @router.post(VERSION + "/archive", response_model=answers, dependencies=[allow(write)])
    def archive_version(name: str, version: str, session: SessionDep, caller: CallerDep) -> BaseModel:
        """`@latest` is then the newest of the others."""
        return set_archived(session, caller, name, version, True)

    @router.post(VERSION + "/restore", response_model=answers, dependencies=[allow(write)])
    def restore_version(name: str, version: str, session: SessionDep, caller: CallerDep) -> BaseModel:
        return set_archived(session, caller, name, version, False)

    return router


def forms(kind: Versioned, target: str, write: Action) -> APIRouter:
    """The forms behind the menu of an asset's page: each has the field `archived` and leads back to the page."""
    router = APIRouter()
    Archived = Annotated[bool, Form()]

    @router.post("/{name}/archive", dependencies=[allow(write)])
    def archive(name: str, session: SessionDep, caller: CallerDep, archived: Archived = True) -> RedirectResponse:
        _set(kind, target, session, caller, name, None, archived)
        return RedirectResponse(url_for_workspace(caller.workspace.name, f"/{target}/{quote(name)}"), 303)

    @router.post(VERSION + "/archive", dependencies=[allow(write)])
    def archive_version(
        name: str, version: str, session: SessionDep, caller: CallerDep, archived: Archived = True
    ) -> RedirectResponse:
        _set(kind, target, session, caller, name, version, archived)
        path = f"/{target}/{quote(name)}/versions/{quote(version)}"
        return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)

    return router


def _set(
    kind: Versioned, target: str, session: Session, caller: Caller, name: str, version: str | None, archived: bool
) -> Any:
    """Archive or restore an asset, or one version; answers that version, or the asset's newest."""
    found = kind.get_version(session, caller.workspace.id, name, version)
    item = found if version else kind.owner_of(found)
    before = {"archived": item.archived}
    kind.archive(item, archived)
    session.flush()
    note(session, target, f"{name}:{version}" if version else name, before=before, after={"archived": archived})
    return found
