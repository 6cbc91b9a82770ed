"""The tab of a data version that describes its columns."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.assets.addresses import Elsewhere, parse
from app.data import files, profiles, queries, tabular
from app.data.permissions import PROFILE, READ, WRITE
from app.data.tables import DataVersion
from app.errors import AtelierError
from app.web.addressing import url_for_workspace
from app.web.forms import follow
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
VERSION = "/{name}/versions/{version}"
MOST_CHOICES = 200


@router.get(VERSION + "/profile", dependencies=[allow(READ)])
def profile(
    name: str, version: str, request: Request, session: SessionDep, caller: CallerDep, path: str = ""
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    context = _context(session, caller, found, path) | {
        "is_elsewhere": isinstance(parse(found.path), Elsewhere),
        "choices": _choices(session, caller, found),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "data/profile.html", context)


@router.get(VERSION + "/_profile", dependencies=[allow(READ)])
def fragment(
    name: str, version: str, request: Request, session: SessionDep, caller: CallerDep, path: str = ""
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    return templates.TemplateResponse(request, "data/_profile.html", _context(session, caller, found, path))


@router.post(VERSION + "/profile", dependencies=[allow(PROFILE)])
def ask(
    name: str,
    version: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    path: Annotated[str, Form()] = "",
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    profiles.ask(session, found, path, asked_by=caller.user.name)
    note(session, "data", f"{name}:{version}", after={"profile": path or "all files"})
    address = url_for_workspace(caller.workspace.name, f"/data/{quote(name)}/versions/{quote(version)}/profile")
    return follow(request, f"{address}?path={quote(path)}" if path else address)


def _context(session: Session, caller: Caller, found: DataVersion, path: str) -> dict[str, Any]:
    return {
        "asset": found.asset,
        "version": found,
        "path": path,
        "profile": profiles.find(session, found, path),
        "may_profile": caller.can(PROFILE.name),
        "may_change": profiles.may_change(found),
    }


def _choices(session: Session, caller: Caller, found: DataVersion) -> list[str]:
    """The tables at the top of a folder; none where the version is one file or cannot be reached."""
    try:
        there = files.lying(session, caller.workspace.id, found.path)
        if there is None or found.asset.type == "uri_file":
            return []
        tables = [entry.path for entry in there.entries() if not entry.is_folder and tabular.format_of(entry.path)]
        return tables[:MOST_CHOICES]
    except AtelierError:
        return []
