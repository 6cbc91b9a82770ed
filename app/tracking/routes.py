"""REST for what a run logged: metrics, parameters and artifacts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs import queries as jobs
from app.jobs.permissions import READ
from app.kit.storage import safe_key
from app.tracking import (
    charts,
    metric_names,
    places,
    queries,
    routes_compare,
    routes_metric_names,
    routes_table,
    routes_views,
)
from app.tracking.artifacts import entries, run_key
from app.web.paging import listing
from app.web.routing import include
from app.web.session import SessionDep
from app.web.stored_files import file_answer, zip_answer

of_a_job = APIRouter(prefix="/api/jobs/{name}", tags=["tracking"])
MOST_SERIES = 500


@of_a_job.get("/metrics", dependencies=[allow(READ)])
def metrics(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict:
    """The newest point of each series, by name; a value that is not finite is null."""
    job = jobs.get(session, caller.workspace.id, name)
    found = metric_names.latest(session, job.id, size, page)
    return listing(found, [metric._asdict() | {"value": charts.finite(metric.value)} for metric in found.rows])


@of_a_job.get("/metrics/history", dependencies=[allow(READ)])
def history(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    key: Annotated[list[str], Query()] = [],
    after: int | None = None,
    points: Annotated[int | None, Query(ge=10, le=100_000)] = None,
    run: Annotated[list[str], Query()] = [],
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict:
    """Series for a chart: `{"series": [{"run", "key", "points": [[step, milliseconds, value]]}], "next", "final"}`.

    Without `after` each series has at most about `points` points: a stretch of more is one point
    `[last step, its time, mean, lowest, highest]`, so that no spike is lost. With it, all that came since.
    `run` adds further runs, from the start only; `first_step` and `last_step` look at a part more closely.
    """
    if not key or len(key) * (len(run) + 1) > MOST_SERIES:
        raise Invalid(f"key: name 1 to {MOST_SERIES} series.", target="key")
    if run and after is not None:
        raise Invalid("after: a position is of one run; ask for the other runs by themselves.", target="after")
    job = jobs.get(session, caller.workspace.id, name)
    most = points or charts.points_for(len(run) + 1)
    within = charts.Range(first_step, last_step)
    series, position = charts.series(session, job, key, after=after, most=most, within=within)
    final = job.status.is_final
    for other in run:
        found = jobs.get(session, caller.workspace.id, other)
        series += charts.series(session, found, key, most=most, within=within)[0]
    return {"series": [vars(one) for one in series], "next": position, "final": final}


@of_a_job.get("/params", dependencies=[allow(READ)])
def params(name: str, session: SessionDep, caller: CallerDep) -> dict:
    found = queries.params(session, jobs.get(session, caller.workspace.id, name))
    return {"value": [{"key": key, "value": value} for key, value in found.items()]}


@of_a_job.get("/artifacts", dependencies=[allow(READ)])
def artifacts(name: str, session: SessionDep, caller: CallerDep, path: str = "", root: str = places.ARTIFACTS) -> dict:
    """What lies directly below `path`: `{"value": [{"path", "is_dir", "size"}]}`; `root` may be `output:NAME`."""
    found = entries(places.root(session, jobs.get(session, caller.workspace.id, name), root).key, path)
    value = [{"path": entry["path"], "is_dir": entry["is_dir"], "size": entry.get("file_size", 0)} for entry in found]
    return {"value": value}


@of_a_job.get("/artifacts/archive", dependencies=[allow(READ)], response_class=Response)
def archive(name: str, session: SessionDep, caller: CallerDep, path: str = "") -> Response:
    """A folder of artifacts as a ZIP file, packed while it is sent."""
    job = jobs.get(session, caller.workspace.id, name)
    return zip_answer(safe_key(run_key(job), path), path.strip("/").rpartition("/")[2] or job.display_name)


@of_a_job.get("/artifacts/content", dependencies=[allow(READ)], response_class=Response)
def artifact(
    name: str,
    path: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    download: bool = False,
    root: str = places.ARTIFACTS,
) -> Response:
    """One artifact, or a file of the output that `root` names as `output:NAME`; it takes ranges."""
    job = jobs.get(session, caller.workspace.id, name)
    return file_answer(request, safe_key(places.root(session, job, root).key, path), download=download)


router = APIRouter()
include(router, routes_table.router)
include(router, routes_views.router)
include(router, routes_compare.router)
include(router, routes_metric_names.router)
include(router, of_a_job)
