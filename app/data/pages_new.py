"""Pages that make and change data assets."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.assets import archiving
from app.assets.names import check_name, check_version
from app.data import queries, service, uploads
from app.data.permissions import WRITE
from app.data.queries import DATA
from app.data.tables import DataVersion
from app.errors import AlreadyExists, Invalid, NotFound, TooLarge
from app.web.forms import refuse
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
TYPES = [
    ("uri_file", "File (uri_file)"),
    ("uri_folder", "Folder (uri_folder)"),
    ("mltable", "Table with an MLTable file (mltable)"),
]


@router.get("/new", dependencies=[allow(WRITE)])
def new_page(request: Request, name: str = "", type: str = "uri_file") -> Response:
    context = {"types": TYPES, "filled": {"name": name, "type": type}}
    return templates.TemplateResponse(request, "data/new.html", context)


@router.post("/new", dependencies=[allow(WRITE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    file: Annotated[UploadFile | None, File()] = None,
    name: Annotated[str, Form()] = "",
    version: Annotated[str, Form()] = "",
    type: Annotated[str, Form()] = "uri_file",
    path: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    tags: Annotated[str, Form()] = "",
) -> Response:
    filled = {"name": name, "version": version, "type": type, "path": path, "description": description, "tags": tags}
    sent = file if file and file.filename else None
    try:
        wanted = {
            "name": check_name(name.strip()),
            "version": check_version(version.strip()) if version.strip() else None,
            "description": description.strip(),
            "tags": read_tags(tags),
        }
        where = _place(request, caller.workspace.id, sent, path.strip())
        type = "uri_file" if sent else type
        made = service.register(
            session, caller.workspace.id, type=type, path=where, created_by=caller.user.name, **wanted
        )
    except (Invalid, AlreadyExists, NotFound, TooLarge) as error:
        return refuse(request, session, "data/new.html", error, {"types": TYPES, "filled": filled})
    note(session, "data", f"{made.asset.name}:{made.version}", after={"path": made.path})
    return RedirectResponse(_address(request, made), 303)


def _place(request: Request, workspace_id: int, sent: UploadFile | None, path: str) -> str:
    """Where the data lies: what was sent is stored, an address is taken as it is."""
    if sent and path:
        raise Invalid("Choose a file or give an address, not both.", target="path")
    if sent:
        return uploads.store_file(workspace_id, sent.filename, sent.file, request.app.state.settings.upload_bytes)
    if not path:
        raise Invalid("Choose a file, or give an address below.", target="file")
    return path


@router.get("/{name}/versions/{version}/edit", dependencies=[allow(WRITE)])
def edit_page(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    filled = {"description": found.description, "tags": written_tags(found.tags)}
    context = {"version": found, "asset": found.asset, "filled": filled}
    return templates.TemplateResponse(request, "data/edit.html", context)


@router.post("/{name}/versions/{version}/edit", dependencies=[allow(WRITE)])
def edit(
    name: str,
    version: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    description: Annotated[str, Form()] = "",
    tags: Annotated[str, Form()] = "",
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    try:
        after = {"description": description.strip(), "tags": read_tags(tags)}
    except Invalid as error:
        filled = {"description": description, "tags": tags}
        context = {"version": found, "asset": found.asset, "filled": filled}
        return refuse(request, session, "data/edit.html", error, context)
    before = {"description": found.description, "tags": found.tags}
    service.change(session, found, **after)
    note(session, "data", f"{name}:{version}", before=before, after=after)
    return RedirectResponse(_address(request, found), 303)


include(router, archiving.forms(DATA, "data", WRITE))


def read_tags(text: str) -> dict[str, str]:
    """Tags from lines `key=value`; raises Invalid with the line that is none."""
    tags = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key:
            raise Invalid(f"Line {number}, {line.strip()!r}, is no tag. Write key=value.", target="tags")
        if key in tags:
            raise Invalid(f"Line {number}: the tag {key!r} was given already.", target="tags")
        tags[key] = value
    return tags


def written_tags(tags: dict[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in tags.items())


def _address(request: Request, version: DataVersion) -> str:
    return f"{request.scope['root_path']}/data/{version.asset.name}/versions/{version.version}"
