"""REST of comparisons: curves and values of several runs, and whether groups of them differ."""

from dataclasses import asdict
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs.permissions import READ
from app.tracking import charts, differences, pages_groups
from app.tracking.pages_table import WantedDep
from app.web.paging import Listing, listing
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


class GroupRead(BaseModel):
    """`mean` to `most` are of the last values of the metric in `measured` of the `count` runs.

    `compared` says whether the group is better than the base, in `verdict`: better, worse, no clear difference or
    not comparable, with the `reason`. Its numbers are described in `app.tracking.comparison`. The base has none.
    """

    id: str
    name: str
    count: int
    measured: int
    mean: float | None
    deviation: float | None
    least: float | None
    most: float | None
    compared: dict | None


class GroupsRead(Listing[GroupRead]):
    base: str | None
    metric: str
    higher_is_better: bool


@router.get("/groups", response_model=GroupsRead, dependencies=[allow(READ)])
def compared(session: SessionDep, caller: CallerDep, wanted: WantedDep) -> dict:
    """Whether groups of runs are better than the base: the query is that of the run table's address.

    `group` is `~seed`, `experiment`, `params.NAME` or `tags.NAME`, `metric` the name of a metric; `base` is the id of
    a group, else the largest is it; `goal` is higher or lower. What the page says and this are the same.
    """
    if not wanted.metric:
        raise Invalid("metric: name the metric that groups are compared by.", target="metric")
    shown = pages_groups.shown(session, wanted.of(caller.workspace.id), wanted)
    rows = [_read(row, higher_is_better=shown.higher_is_better) for row in shown.rows]
    told = {"base": shown.base.id if shown.base else None, "metric": wanted.metric}
    return listing(shown.page, rows) | told | {"higher_is_better": shown.higher_is_better}


def _read(row: pages_groups.Row, *, higher_is_better: bool) -> GroupRead:
    values = asdict(row.group)
    numbers = {
        name: None if values[name] is None else charts.finite(values[name])
        for name in ("mean", "deviation", "least", "most")
    }
    compared = None
    if row.answer:
        said = {"verdict": row.answer.said(higher_is_better=higher_is_better), "magnitude": row.answer.magnitude}
        compared = asdict(row.answer) | said
    return GroupRead(
        id=row.group.id, name=row.name, count=row.group.count, measured=row.group.measured, compared=compared, **numbers
    )
