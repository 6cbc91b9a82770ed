"""Pages of data assets: the list, and one version with its tabs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.assets.addresses import Elsewhere, InDatastore, parse
from app.data import files, pages_new, pages_profile, queries, tabular
from app.data.permissions import READ, WRITE
from app.data.tables import DataVersion
from app.errors import AtelierError, Invalid
from app.web.paging import AssetsShownQuery
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/data", include_in_schema=False)
# Before the pages below, whose {name} would also match their addresses.
include(router, pages_new.router)
include(router, pages_profile.router)

PREVIEWED = (*files.TABLES, *files.IMAGES, "parquet", "txt", "md", "json", "jsonl", "yaml", "yml", "log", "py")
MOST_SHOWN = 1000
MOST_PICTURES = 60
VERSION = "/{name}/versions/{version}"


@router.get("", dependencies=[allow(READ)])
def data(request: Request, session: SessionDep, caller: CallerDep, asked: AssetsShownQuery) -> Response:
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    context = {"page": found, "narrowed": asked.is_narrowed, "may_write": caller.can(WRITE.name)}
    return templates.TemplateResponse(request, "data/list.html", context)


@router.get("/{name}", dependencies=[allow(READ)])
def newest(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _overview(request, caller, queries.get_version(session, caller.workspace.id, name))


@router.get(VERSION, dependencies=[allow(READ)])
def overview(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _overview(request, caller, queries.get_version(session, caller.workspace.id, name, version))


@router.get(VERSION + "/preview", dependencies=[allow(READ)])
def preview(
    name: str, version: str, request: Request, session: SessionDep, caller: CallerDep, path: str = ""
) -> Response:
    """The first rows, lines or the picture of one file; of the first that can be shown where none is named."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    there = files.lying(session, caller.workspace.id, found.path)
    entries = there.entries() if there else []
    only_one = found.asset.type == "uri_file"
    shown = [entry.path for entry in entries if only_one or (not entry.is_folder and _is_previewed(entry.path))]
    path = path or next(iter(shown), "")
    seen = files.preview(there, path) if path and there else None
    pictures = [name for name in shown if _suffix(name) in files.IMAGES]
    context = {"seen": seen, "path": path, "shown": shown, "pictures": pictures[:MOST_PICTURES]}
    context["more_pictures"] = max(len(pictures) - MOST_PICTURES, 0)
    return _page(request, "data/preview.html", caller, found, **context)


@router.get(VERSION + "/files", dependencies=[allow(READ)])
def files_page(
    name: str, version: str, request: Request, session: SessionDep, caller: CallerDep, path: str = ""
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    there = files.lying(session, caller.workspace.id, found.path)
    entries = there.entries(path)[: MOST_SHOWN + 1] if there else []
    parts = [part for part in path.split("/") if part]
    trail = [(part, "/".join(parts[: depth + 1])) for depth, part in enumerate(parts)]
    context = {"entries": entries, "most": MOST_SHOWN, "path": "/".join(parts), "trail": trail}
    return _page(request, "data/files.html", caller, found, **context)


@router.get(VERSION + "/_size", dependencies=[allow(READ)])
def size(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Files and bytes of what lies on a datastore, counted now, since others may change it."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    context: dict = {"error": "it lies elsewhere"}
    try:
        if there := files.lying(session, caller.workspace.id, found.path):
            context = {"counted": there.total_size()}
    except AtelierError as error:
        context = {"error": error.message}
    return templates.TemplateResponse(request, "data/_size.html", context)


@router.get(VERSION + "/lineage", dependencies=[allow(READ)])
def lineage(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_version(session, caller.workspace.id, name, version)
    return _page(request, "data/lineage.html", caller, found)


@router.get("/{name}/versions", dependencies=[allow(READ)])
def versions(
    name: str, request: Request, session: SessionDep, caller: CallerDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    found = queries.get_version(session, caller.workspace.id, name)
    rows = queries.versions(session, found.asset, number=page, size=25)
    return _page(request, "data/versions.html", caller, found, page=rows)


@router.get(VERSION + "/image", dependencies=[allow(READ)])
def image(name: str, version: str, session: SessionDep, caller: CallerDep, path: str = "") -> StreamingResponse:
    """A picture of a data asset, to be shown in a page."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    file_name, size, chunks = files.open_file(files.of_version(session, caller.workspace.id, found), path)
    suffix = _suffix(file_name)
    if suffix not in files.IMAGES:
        raise Invalid(f"path: {file_name!r} is no picture; those end in {', '.join(files.IMAGES)}.", target="path")
    media_type = "image/jpeg" if suffix == "jpg" else f"image/{suffix}"
    return StreamingResponse(chunks, media_type=media_type, headers={"Content-Length": str(size)})


def _overview(request: Request, caller: Caller, found: DataVersion) -> Response:
    return _page(request, "data/overview.html", caller, found)


def _page(request: Request, template: str, caller: Caller, found: DataVersion, **context) -> Response:
    context |= {
        "asset": found.asset,
        "version": found,
        "is_elsewhere": isinstance(parse(found.path), Elsewhere),
        "in_datastore": isinstance(parse(found.path), InDatastore),
        "is_previewed": _is_previewed,
        "is_table": tabular.format_of,
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, template, context)


def _suffix(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _is_previewed(path: str) -> bool:
    return _suffix(path) in PREVIEWED
