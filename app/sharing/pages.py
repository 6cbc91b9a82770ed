"""Pages of registries: the list, what is in one, a version, and the form that shares one."""

from typing import Annotated
from urllib.parse import quote

import yaml
from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import AtelierError
from app.jobs import queries as jobs
from app.registries import definition, queries
from app.registries.permissions import MANAGE, READ, SHARE
from app.sharing import kinds, pages_promotions, promotions, routes_promotions, service
from app.sharing.routes import set_archived, share_version
from app.sharing.schemas import Asked
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.paging import PageNumber
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/registries", include_in_schema=False)
LIST, SHARE_FORM = "registries/list.html", "registries/share.html"
OFFERED = 200


@router.get("", dependencies=[allow(READ)])
def registries(
    request: Request, session: SessionDep, caller: CallerDep, text: str = "", page: PageNumber = 1
) -> Response:
    return templates.TemplateResponse(request, LIST, _list(session, caller, text.strip(), page))


def _list(session: Session, caller: Caller, text: str = "", page: int = 1) -> dict:
    found = queries.page(session, text=text, number=page, size=25)
    return {"page": found, "narrowed": bool(text), "may_create": promotions.may_manage(caller)}


@router.post("", dependencies=[allow(MANAGE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    requires_approval: Annotated[bool, Form()] = False,
) -> Response:
    filled = {"name": name.strip(), "description": description.strip(), "requires_approval": requires_approval}
    try:
        made = service.create(session, definition.read(yaml.safe_dump(filled)), created_by=caller.user.name)
    except AtelierError as error:
        return refuse(request, session, LIST, error, _list(session, caller) | {"filled": filled})
    note(session, "registries", made.name, after=filled)
    return _to(caller, made.name)


@router.get("/share", dependencies=[allow(SHARE)])
def share_page(
    request: Request, session: SessionDep, caller: CallerDep, kind: str, name: str, version: str
) -> Response:
    filled = {"share_with_name": name, "share_with_version": version}
    return templates.TemplateResponse(request, SHARE_FORM, _share(session, kind, name, version) | {"filled": filled})


def _share(session: Session, kind: str, name: str, version: str) -> dict:
    known = queries.page(session, size=OFFERED).rows
    asked = [row.name for row in known if row.requires_approval]
    context = {"kind": kind, "noun": kinds.get(kind).noun, "name": name, "version": version}
    return context | {"registries": [row.name for row in known], "asked": asked}


@router.post("/share", dependencies=[allow(SHARE)])
def share(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    kind: Annotated[str, Form()],
    name: Annotated[str, Form()],
    version: Annotated[str, Form()],
    registry: Annotated[str, Form()] = "",
    share_with_name: Annotated[str, Form()] = "",
    share_with_version: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """A registry that wants approval is asked, by who may not decide there."""
    filled = {"registry": registry, "share_with_name": share_with_name, "share_with_version": share_with_version}
    filled["reason"] = reason
    new = Asked(
        kind=kind,
        reason=reason,
        name=name,
        version=version,
        share_with_name=share_with_name.strip() or None,
        share_with_version=share_with_version.strip() or None,
    )
    try:
        place = queries.get(session, registry)
        if place.requires_approval and not promotions.may_manage(caller):
            asked = promotions.ask(session, caller, place, new)
            note(session, "registries", registry, after=routes_promotions.told(asked))
            return pages_promotions.to(caller, registry)
        made = share_version(session, caller, place, kind, new)
    except AtelierError as error:
        context = _share(session, kind, name, version) | {"filled": filled}
        return refuse(request, session, SHARE_FORM, error, context)
    owner = kinds.get(kind).versioned.owner_of(made).name
    return _to(caller, f"{registry}/{kind}/{quote(owner)}/versions/{made.version}")


include(router, pages_promotions.router)


@router.get("/{registry}", dependencies=[allow(READ)])
def overview(
    registry: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    kind: str = "models",
    text: str = "",
    sort: str = "-updated",
    show: str = "",
    page: PageNumber = 1,
) -> Response:
    """What is in a registry, one kind a tab."""
    archived = show == "archived"
    place, versioned = queries.get(session, registry), kinds.get(kind).versioned
    found = versioned.page(
        session, place.workspace_id, text=text.strip(), sort=sort, archived=archived, number=page, size=25
    )
    context = {
        "registry": place,
        "kind": kind,
        "kinds": kinds.KINDS,
        "page": found,
        "narrowed": bool(text.strip() or archived),
    }
    context |= {"may_delete": promotions.may_manage(caller), "waiting": promotions.waiting(session, place)}
    return templates.TemplateResponse(request, "registries/registry.html", context)


@router.post("/{registry}/delete", dependencies=[allow(MANAGE)])
def delete(registry: str, session: SessionDep, caller: CallerDep) -> Response:
    note(session, "registries", registry)
    service.delete(session, queries.get(session, registry))
    return _to(caller, "")


@router.post("/{registry}/{kind}/{name}/archive", dependencies=[allow(MANAGE)])
def archive(
    registry: str,
    kind: str,
    name: str,
    session: SessionDep,
    caller: CallerDep,
    version: Annotated[str, Form()] = "",
    archived: Annotated[bool, Form()] = True,
) -> Response:
    """The whole asset, or one version; `archived` says whether it goes or comes back."""
    set_archived(session, registry, kind, name, version or None, archived)
    return _to(caller, f"{registry}/{kind}/{quote(name)}" + (f"/versions/{quote(version)}" if version else ""))


@router.get("/{registry}/{kind}/{name}", dependencies=[allow(READ)])
def newest(
    registry: str, kind: str, name: str, request: Request, session: SessionDep, caller: CallerDep, page: PageNumber = 1
) -> Response:
    return _asset(request, session, caller, registry, kind, name, None, page)


@router.get("/{registry}/{kind}/{name}/versions/{version}", dependencies=[allow(READ)])
def asset(
    registry: str,
    kind: str,
    name: str,
    version: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    page: PageNumber = 1,
) -> Response:
    return _asset(request, session, caller, registry, kind, name, version, page)


def _asset(
    request: Request, session: Session, caller: Caller, registry: str, kind: str, name: str, version: str | None,
    number: int,
) -> Response:  # fmt: skip
    place, known = queries.get(session, registry), kinds.get(kind)
    found = known.versioned.get_version(session, place.workspace_id, name, version)
    owner = known.versioned.owner_of(found)
    named = f"registries/{registry}/{name}"
    context = {
        "registry": place,
        "may_archive": promotions.may_manage(caller),
        "kind": kind,
        "noun": known.noun,
        "asset": owner,
        "found": found,
        "version": known.versioned.get_version(session, place.workspace_id, name),
        "page": known.versioned.versions(session, owner, number=number, size=10),
        "address": kinds.address(registry, kind, name, found.version),
        "uses": jobs.users_of(session, caller.workspace.id, known.noun, named, str(found.version)),
    }
    return templates.TemplateResponse(request, "registries/asset.html", context)


def _to(caller: Caller, path: str) -> Response:
    address = f"/registries/{path}".rstrip("/")
    return RedirectResponse(url_for_workspace(caller.workspace.name, address), 303)
