"""The calls that all versioned assets have in common: containers, versions, archiving, what the next version is.

A PUT of a version that there is changes its description, tags and whether it is archived; what it holds never changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import Action
from app.assets.versioned import Versioned
from app.dialects.arm import answers
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.errors import Invalid, NotFound
from app.web.session import SessionDep

DEFAULT_VERSION = "azureml_default"
"""What clients ask for when no version is named."""

VIEWS = {"activeonly": False, "archivedonly": True, "all": None}


@dataclass(frozen=True)
class Asset:
    """How a kind of asset is spoken of: `word` in addresses, `target` in audit records.

    `told` are the properties of a version beside those that all kinds have, `container` those of an asset; `create`
    makes a version from the properties that were sent; `same` raises where they ask for other content than a version
    has. `ready` answers a version that every workspace has, for a name that this one lacks. `list_page`,
    `next_version` and `called`, the text of a version, stand for those of `kind` where a domain has its own. The asset
    `anonymous` holds what clients made without a name, and is not listed.
    """

    word: str
    target: str
    kind: Versioned
    read: Action
    write: Action
    told: Callable[[Request, Any], dict]
    create: Callable[[Session, Caller, str, str, dict], Any]
    same: Callable[[Session, Any, dict], None]
    container: Callable[[Any], dict] = lambda asset: {}
    anonymous: str = ""
    list_page: Callable | None = None
    next_version: Callable[[Session, Any], Any] | None = None
    called: Callable[[Any], str] = lambda version: str(version.version)
    ready: Callable[[Request, str, str | None], dict | None] = lambda request, name, version: None

    def version(self, request: Request, found: Any) -> dict:
        asset = self.kind.owner_of(found)
        properties = {
            "description": found.description,
            "tags": _texts(found.tags),
            "properties": _texts(getattr(found, "properties", None) or {}),
            "isAnonymous": False,
            "isArchived": found.archived or asset.archived,
            "provisioningState": "Succeeded",
        }
        return answers.resource(
            request,
            f"{self.word}/{asset.name}/versions/{self.called(found)}",
            properties | self.told(request, found),
            created_at=found.created_at,
            created_by=found.created_by,
        )

    def asset(self, request: Request, found: Any, newest: Any, **more: Any) -> dict:
        properties = {
            "description": getattr(found, "description", None) or (newest.description if newest else ""),
            "tags": _texts(getattr(found, "tags", None) or (newest.tags if newest else {})),
            "properties": {},
            "isArchived": found.archived,
            "latestVersion": self.called(newest) if newest else None,
            "provisioningState": "Succeeded",
        }
        properties |= self.container(found) | more
        return answers.resource(request, f"{self.word}/{found.name}", properties, created_at=found.created_at)


def _texts(values: dict) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}


def _own_workspace(caller: CallerDep) -> int:
    return caller.workspace.id


def routes(asset: Asset) -> APIRouter:
    """The calls about a kind of asset of a workspace."""
    router = APIRouter(prefix=f"{WORKSPACE}/{asset.word}")
    add_reads(router, asset, asset.read, _own_workspace)
    _add_writes(router, asset)
    return router


def add_reads(router: APIRouter, asset: Asset, action: Action, place: Callable[..., int]) -> None:
    """The calls that only read, below the prefix of `router`; `place` depends on the address: which workspace's."""
    home = Annotated[int, Depends(place)]
    _add_containers(router, asset, action, home)
    _add_versions(router, asset, action, home)


def _add_containers(router: APIRouter, asset: Asset, action: Action, Home: Any) -> None:
    kind = asset.kind

    @router.get("", dependencies=[allow(action)])
    def containers(
        request: Request, session: SessionDep, home: Home, paging: PagingDep, listViewType: str = "ActiveOnly"
    ) -> JSONResponse:
        pages = asset.list_page or kind.page
        found = pages(session, home, sort="name", archived=_view(listViewType), number=paging.number, size=paging.size)
        shown = [asset.asset(request, *row) for row in found.rows if row[0].name != asset.anonymous]
        return paging.answer(found, shown)

    @router.get("/{name}", dependencies=[allow(action)])
    def container(name: str, request: Request, session: SessionDep, home: Home) -> JSONResponse:
        found = kind.find(session, home, name)
        if found is None and (ready := asset.ready(request, name, None)):
            return JSONResponse(container_of(request, asset, name, ready))
        found = found or kind.get(session, home, name)
        return JSONResponse(_with_newest(request, session, asset, found))


def _add_versions(router: APIRouter, asset: Asset, action: Action, Home: Any) -> None:
    kind = asset.kind

    @router.get("/{name}/versions", dependencies=[allow(action)])
    def versions(
        name: str,
        request: Request,
        session: SessionDep,
        home: Home,
        paging: PagingDep,
        listViewType: str = "ActiveOnly",
    ) -> JSONResponse:
        owner = kind.find(session, home, name)
        if owner is None and (ready := asset.ready(request, name, None)):
            return JSONResponse({"value": [ready]})
        if owner is None and "registry" in request.path_params:
            # Clients look whether there is one before they share it, and take no for an error.
            return JSONResponse({"value": []})
        owner = owner or kind.get(session, home, name)
        view = _view(listViewType)
        found = kind.versions(session, owner, number=paging.number, size=paging.size, archived=view)
        return paging.answer(found, lambda row: asset.version(request, row))

    @router.get("/{name}/versions/{version}", dependencies=[allow(action)])
    def get(name: str, version: str, request: Request, session: SessionDep, home: Home) -> JSONResponse:
        wanted = None if version == DEFAULT_VERSION else version
        owner = kind.find(session, home, name)
        if owner is None and (ready := asset.ready(request, name, wanted)):
            return JSONResponse(ready)
        return JSONResponse(asset.version(request, kind.get_version(session, home, name, wanted)))


def _add_writes(router: APIRouter, asset: Asset) -> None:
    kind = asset.kind

    @router.put("/{name}", dependencies=[allow(asset.write)])
    def change(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
        found = kind.get(session, caller.workspace.id, name)
        archive(session, asset, found, name, answers.properties_of(sent))
        return JSONResponse(_with_newest(request, session, asset, found))

    @router.put("/{name}/versions/{version}", dependencies=[allow(asset.write)])
    def put(
        name: str, version: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
    ) -> JSONResponse:
        asked = answers.properties_of(sent)
        found = find(kind, session, caller.workspace.id, name, version)
        if found is None:
            made = asset.create(session, caller, name, version, asked)
            note(session, asset.target, f"{name}:{made.version}", after={"by": "azure-ai-ml"})
            return JSONResponse(asset.version(request, made), 201)
        asset.same(session, found, asked)
        update(session, asset, found, name, asked)
        return JSONResponse(asset.version(request, found))


def find(kind: Versioned, session: Session, workspace_id: int, name: str, version: str) -> Any | None:
    try:
        return kind.get_version(session, workspace_id, name, version)
    except NotFound:
        return None


def _with_newest(request: Request, session: Session, asset: Asset, found: Any) -> dict:
    newest = asset.kind.newest(session, [found.id]).get(found.id)
    following = (asset.next_version or asset.kind.next_version)(session, found)
    return asset.asset(request, found, newest, nextVersion=str(following))


def container_of(request: Request, asset: Asset, name: str, version: dict) -> dict:
    """The asset of a version that every workspace has."""
    properties = {**version["properties"], "latestVersion": version["name"], "nextVersion": "1"}
    return answers.resource(request, f"{asset.word}/{name}", properties)


def _view(text: str) -> bool | None:
    # Some clients send the name of their constant.
    view = text.rpartition(".")[2].replace("_", "").lower()
    if view not in VIEWS:
        raise Invalid(f"listViewType: {text!r} is not one of ActiveOnly, ArchivedOnly and All.", target="listViewType")
    return VIEWS[view]


def archive(session: Session, asset: Asset, item: Any, name: str, asked: dict) -> None:
    """Archive an asset or version, or bring it back, where that was asked."""
    archived = asked.get("isArchived")
    if isinstance(archived, bool) and item.archived != archived:
        before = {"archived": item.archived}
        asset.kind.archive(item, archived)
        session.flush()
        note(session, asset.target, name, before=before, after={"archived": archived})


def update(session: Session, asset: Asset, found: Any, name: str, asked: dict) -> None:
    """Change what is said of a version, and whether it is archived."""
    before = {"description": found.description, "tags": found.tags}
    found.description = found.description if asked.get("description") is None else asked["description"]
    found.tags = found.tags if asked.get("tags") is None else _texts(asked["tags"])
    session.flush()
    note(session, asset.target, f"{name}:{found.version}", before=before, after={"tags": found.tags})
    archive(session, asset, found, f"{name}:{found.version}", asked)
