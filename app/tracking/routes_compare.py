"""REST of comparisons: curves and values of several runs."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs.permissions import READ
from app.tracking import charts, differences
from app.web.session import SessionDep

router = APIRouter(prefix="/api/jobs/compare", tags=["tracking"])
MOST_SERIES = 500


def _positions(after: str | None, count: int) -> list[int | None]:
    if after is None:
        return [None] * count
    parts = after.split(".")
    if len(parts) != count or not all(part.isdigit() for part in parts):
        raise Invalid("after: take what the answer before gave as next, for the same names.", target="after")
    return [int(part) for part in parts]


@router.get("/history", dependencies=[allow(READ)])
def history(
    session: SessionDep,
    caller: CallerDep,
    names: Annotated[list[str], Query()] = [],
    key: Annotated[list[str], Query()] = [],
    after: str | None = None,
    points: Annotated[int | None, Query(ge=10, le=100_000)] = None,
    first_step: int | None = None,
    last_step: int | None = None,
) -> dict:
    """Curves of several runs, as `/api/jobs/{name}/metrics/history` gives them; `run` is what to call the run.

    `next` holds a position for each run and is taken as `after`.
    """
    runs = differences.get_runs(session, caller.workspace.id, names)
    if not key or len(key) * len(runs) > MOST_SERIES:
        raise Invalid(f"key: name metrics, so that there are 1 to {MOST_SERIES} curves.", target="key")
    most = points or charts.points_for(len(runs))
    within = charts.Range(first_step, last_step)
    series, positions = [], []
    for job, label, position in zip(runs, differences.labels(runs), _positions(after, len(runs)), strict=True):
        found, reached = charts.series(session, job, key, after=position, most=most, within=within)
        series += [{"run": label, "key": one.key, "points": one.points} for one in found]
        positions.append(str(reached))
    return {"series": series, "next": ".".join(positions), "final": all(job.status.is_final for job in runs)}


@router.get("/history.csv", dependencies=[allow(READ)], response_class=StreamingResponse)
def table(
    session: SessionDep,
    caller: CallerDep,
    names: Annotated[list[str], Query()] = [],
    key: Annotated[list[str], Query()] = [],
) -> StreamingResponse:
    """Every point of some metrics of 1 to 50 runs, as a table."""
    runs = differences.get_runs(session, caller.workspace.id, names)
    if not key:
        raise Invalid("key: name at least one metric.", target="key")
    chosen = [(job.id, label) for job, label in zip(runs, differences.labels(runs), strict=True)]
    file = quote(f"{key[0].replace('/', '-')}.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{file}"}
    return StreamingResponse(charts.csv_lines(chosen, key), media_type="text/csv", headers=headers)


@router.get("/values", dependencies=[allow(READ)])
def values(session: SessionDep, caller: CallerDep, names: Annotated[list[str], Query()] = []) -> dict:
    """Last metrics, parameters and tags of several runs, for plots."""
    runs = differences.get_runs(session, caller.workspace.id, names)
    return differences.numbers(runs, differences.sections(session, runs))
