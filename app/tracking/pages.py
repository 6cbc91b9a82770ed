"""Tabs of a job's page that show what was tracked: metrics, parameters, images and files."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.jobs import previews, queries
from app.jobs.pages_job import page
from app.jobs.permissions import READ
from app.kit.storage import safe_key
from app.tracking import (
    inputs,
    logged_images,
    metric_names,
    pages_compare,
    pages_compare_files,
    pages_marks,
    pages_table,
    pages_views,
    places,
)
from app.tracking import queries as tracking
from app.web.routing import include
from app.web.session import SessionDep
from app.web.stored_files import file_answer, zip_answer
from app.web.templating import templates

tabs = APIRouter(prefix="/jobs/{name}", include_in_schema=False)
SHOWN_PARAMS = 200
SHOWN_METRICS = 50
MOST_IMAGES = 200


def _metrics(request: Request, session: Session, caller: Caller, name: str, system: bool) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    has_metrics, has_system = metric_names.kinds(session, job.id)
    more = {"job": job, "system": system, "has_metrics": has_metrics, "has_system": has_system}
    return page(request, session, caller, name, "metrics", "jobs/metrics.html", **more)


@tabs.get("/metrics", dependencies=[allow(READ)])
def metrics(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """A chart a metric."""
    return _metrics(request, session, caller, name, system=False)


@tabs.get("/metrics/system", dependencies=[allow(READ)])
def system_metrics(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """A chart for each measure of the machine."""
    return _metrics(request, session, caller, name, system=True)


@tabs.get("/_metrics", dependencies=[allow(READ)])
def metrics_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """The newest value of each metric."""
    job = queries.get(session, caller.workspace.id, name)
    found = metric_names.latest(session, job.id, SHOWN_METRICS)
    context = {"job": job, "metrics": found.rows, "more": found.total - len(found.rows)}
    return templates.TemplateResponse(request, "jobs/_metrics.html", context)


@tabs.get("/_params", dependencies=[allow(READ)])
def params_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    found = sorted(tracking.params(session, job).items())
    read = tracking.inputs_of(session, [job.id]).get(job.id, [])
    context = {
        "job": job,
        "params": found[:SHOWN_PARAMS],
        "more": len(found) - SHOWN_PARAMS,
        "datasets": [(one, inputs.evaluation_dataset(one.dataset)) for one in read[:SHOWN_PARAMS]],
    }
    return templates.TemplateResponse(request, "jobs/_params.html", context)


@tabs.get("/images", dependencies=[allow(READ)])
def images(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    found = [
        (root, entry.path)
        for root in places.roots(session, job)
        for entry in previews.files_below(root.key)
        if previews.suffix_of(entry.path) in previews.IMAGES
    ]
    steps = logged_images.by_key(path for root, path in found if root.id == places.ARTIFACTS)
    others = [(root, path) for root, path in found if not logged_images.is_logged(path)]
    more = {"steps": steps, "images": others[:MOST_IMAGES], "more": len(others) - MOST_IMAGES}
    return page(request, session, caller, name, "images", "jobs/images.html", job=job, **more)


@tabs.get("/outputs", dependencies=[allow(READ)])
def outputs(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    root: str = "",
    path: str = "",
    scripts: bool = False,
    files_page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """The files that the job left, and one of them; `files_page` is a page of the files of `root`."""
    job = queries.get(session, caller.workspace.id, name)
    trees = [
        (found, previews.files_below(found.key, files_page if found.id == (root or places.ARTIFACTS) else 1))
        for found in places.roots(session, job)
    ]
    filled = [found for found, files in trees if files]
    chosen = places.root(session, job, root) if root else (filled or [trees[0][0]])[0]
    files = next(files for found, files in trees if found.id == chosen.id)
    path = path or previews.most_telling(files)
    more = {
        "trees": [(found, previews.tree(files), files) for found, files in trees if files or files.number > 1],
        "chosen": chosen,
        "path": path,
        "scripts": scripts,
        "shown": previews.preview(chosen.key, path) if path else None,
    }
    return page(request, session, caller, name, "outputs", "jobs/outputs.html", job=job, **more)


@tabs.get("/outputs/content", dependencies=[allow(READ)])
def content(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    path: str,
    root: str = places.ARTIFACTS,
    download: bool = False,
    scripts: bool = False,
) -> Response:
    """The bytes of a file, or a range of them, in a sandbox."""
    job = queries.get(session, caller.workspace.id, name)
    key = previews.file_key(places.root(session, job, root).key, path)
    return file_answer(request, key, download=download, scripts=scripts)


@tabs.get("/outputs/archive", dependencies=[allow(READ)])
def archive(
    name: str, session: SessionDep, caller: CallerDep, path: str = "", root: str = places.ARTIFACTS
) -> Response:
    """A folder as a ZIP file."""
    job = queries.get(session, caller.workspace.id, name)
    key = safe_key(places.root(session, job, root).key, path)
    return zip_answer(key, path.strip("/").rpartition("/")[2] or job.display_name)


@tabs.get("/register", dependencies=[allow(READ)])
def register(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    found = places.candidates(session, job)
    return page(request, session, caller, name, "", "jobs/register.html", job=job, candidates=found)


@tabs.get("/_register", dependencies=[allow(READ)])
def register_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """The same form as a dialog."""
    job = queries.get(session, caller.workspace.id, name)
    context = {"job": job, "candidates": places.candidates(session, job), "as_dialog": True}
    return templates.TemplateResponse(request, "jobs/_register.html", context)


router = APIRouter(include_in_schema=False)
include(router, pages_table.router)
include(router, pages_marks.router)
include(router, pages_views.router)
include(router, pages_compare.router)
include(router, pages_compare_files.router)
include(router, tabs)
