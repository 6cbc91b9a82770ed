"""Files of several runs side by side: artifacts at one path, and pictures by step."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.errors import NotFound
from app.jobs import previews
from app.jobs.permissions import READ
from app.kit.paging import Page
from app.tracking import artifact_diffs, logged_images
from app.tracking.artifacts import run_key
from app.tracking.pages_compare import ComparedDep, view
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs/compare", include_in_schema=False)
AT_ONCE = 8
MOST_KEYS = 50


@router.get("/artifacts", dependencies=[allow(READ)])
def artifacts(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    compared: ComparedDep,
    path: str = "",
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    """What the runs have at one path: text and tables as changes from the base, anything else beside each other."""
    runs, base = compared.runs(session, caller)
    paths = artifact_diffs.shared_paths(runs)
    if not paths:
        return view(request, "artifacts", runs, base, paths=paths)
    path = path or paths[0][0]
    found = artifact_diffs.versions(runs, path)
    if not any(found):
        raise NotFound(f"path: none of the compared runs has an artifact {path!r}.", target="path")
    others = [index for index in range(len(runs)) if index != base]
    page = Page(others[(number - 1) * AT_ONCE : number * AT_ONCE], len(others), number, AT_ONCE)
    written = all(shown is None or shown.kind in artifact_diffs.WRITTEN for shown in found)
    more = {"paths": paths, "path": path, "found": found, "page": page, "written": written, "diffs": {}}
    if written:
        of_base = artifact_diffs.lines(found[base]) if found[base] else []
        more["diffs"] = {
            index: artifact_diffs.changes(of_base, artifact_diffs.lines(found[index]) if found[index] else [])
            for index in page.rows
        }
    return view(request, "artifacts", runs, base, **more)


@router.get("/images", dependencies=[allow(READ)])
def images(request: Request, session: SessionDep, caller: CallerDep, compared: ComparedDep) -> Response:
    """Pictures that were logged by key and step: a key a row, with one step for all runs."""
    runs, base = compared.runs(session, caller)
    found = [
        logged_images.by_key(f"images/{entry.path}" for entry in previews.files_below(f"{run_key(job)}/images"))
        for job in runs
    ]
    keys = sorted({key for of_run in found for key in of_run})
    return view(request, "images", runs, base, keys=keys[:MOST_KEYS], more=len(keys) - MOST_KEYS, found=found)
