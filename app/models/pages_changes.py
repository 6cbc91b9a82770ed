"""What the forms of a model's pages do: each is posted and leads back to a page."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.data.pages_new import read_tags, written_tags
from app.errors import Invalid
from app.models import queries, service
from app.models.pages_version import overview_context
from app.models.permissions import WRITE
from app.models.tables import ModelVersion, RegisteredModel
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}", include_in_schema=False)
VERSION = "/versions/{version}"


def to_model(caller: Caller, name: str, version: int | None = None) -> RedirectResponse:
    path = f"/models/{quote(name)}" + (f"/versions/{version}" if version else "")
    return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)


def _edit_context(thing: RegisteredModel | ModelVersion, description: str, tags: str) -> dict:
    is_version = isinstance(thing, ModelVersion)
    return {
        "model": thing.model if is_version else thing,
        "version": thing if is_version else None,
        "filled": {"description": description, "tags": tags},
    }


@router.get("/edit", dependencies=[allow(WRITE)])
def edit_model_page(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _edit_page(request, queries.get(session, caller.workspace.id, name))


@router.get(VERSION + "/edit", dependencies=[allow(WRITE)])
def edit_version_page(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _edit_page(request, queries.get_version(session, caller.workspace.id, name, version))


def _edit_page(request: Request, thing: RegisteredModel | ModelVersion) -> Response:
    context = _edit_context(thing, thing.description, written_tags(thing.tags))
    return templates.TemplateResponse(request, "models/edit.html", context)


@router.post("/edit", dependencies=[allow(WRITE)])
def edit_model(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    description: Annotated[str, Form()] = "",
    tags: Annotated[str, Form()] = "",
) -> Response:
    model = queries.get(session, caller.workspace.id, name)
    return _edit(request, session, model, name, description, tags) or to_model(caller, name)


@router.post(VERSION + "/edit", dependencies=[allow(WRITE)])
def edit_version(
    name: str,
    version: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    description: Annotated[str, Form()] = "",
    tags: Annotated[str, Form()] = "",
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    refused = _edit(request, session, found, f"{name}:{found.version}", description, tags)
    return refused or to_model(caller, name, found.version)


def _edit(
    request: Request,
    session: Session,
    thing: RegisteredModel | ModelVersion,
    called: str,
    description: str,
    tags: str,
) -> Response | None:
    """Change what is said about a thing; the form once more where that is refused."""
    try:
        after = {"description": description.strip(), "tags": read_tags(tags)}
        before = {"description": thing.description, "tags": thing.tags}
        service.change(session, thing, **after)
    except Invalid as error:
        return refuse(request, session, "models/edit.html", error, _edit_context(thing, description, tags))
    note(session, "models", called, before=before, after=after)
    return None


@router.post("/archive", dependencies=[allow(WRITE)])
def archive_model(
    name: str, session: SessionDep, caller: CallerDep, archived: Annotated[bool, Form()] = True
) -> RedirectResponse:
    model = queries.get(session, caller.workspace.id, name)
    service.change(session, model, archived=archived)
    note(session, "models", name, before={"archived": not archived}, after={"archived": archived})
    return to_model(caller, name)


@router.post(VERSION + "/archive", dependencies=[allow(WRITE)])
def archive_version(
    name: str, version: str, session: SessionDep, caller: CallerDep, archived: Annotated[bool, Form()] = True
) -> RedirectResponse:
    found = queries.get_version(session, caller.workspace.id, name, version)
    service.change(session, found, archived=archived)
    called = f"{name}:{found.version}"
    note(session, "models", called, before={"archived": not archived}, after={"archived": archived})
    return to_model(caller, name, found.version)


@router.post(VERSION + "/aliases", dependencies=[allow(WRITE)])
def set_alias(
    name: str,
    version: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    alias: Annotated[str, Form()] = "",
) -> Response:
    """Point an alias at this version; one of that name at another version moves."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    try:
        service.set_alias(session, found, alias.strip())
    except Invalid as error:
        context = overview_context(session, caller, found) | {"alias": alias}
        return refuse(request, session, "models/overview.html", error, context)
    note(session, "models", f"{name}:{found.version}", after={"alias": alias.strip()})
    return to_model(caller, name, found.version)


@router.post(VERSION + "/aliases/delete", dependencies=[allow(WRITE)])
def delete_alias(
    name: str, version: str, session: SessionDep, caller: CallerDep, alias: Annotated[str, Form()] = ""
) -> RedirectResponse:
    found = queries.get_version(session, caller.workspace.id, name, version)
    service.delete_alias(session, found.model, alias)
    note(session, "models", f"{name}:{found.version}", before={"alias": alias})
    return to_model(caller, name, found.version)


@router.post(VERSION + "/stage", dependencies=[allow(WRITE)])
def move_to_stage(
    name: str, version: str, session: SessionDep, caller: CallerDep, stage: Annotated[str, Form()] = ""
) -> RedirectResponse:
    found = queries.get_version(session, caller.workspace.id, name, version)
    before = found.stage
    service.move_to_stage(session, found, stage)
    note(session, "models", f"{name}:{found.version}", before={"stage": before}, after={"stage": found.stage})
    return to_model(caller, name, found.version)
