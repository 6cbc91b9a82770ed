"""REST of the names of metrics: searched, paged, and counted by group."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.access.guard import CallerDep, allow
from app.jobs.permissions import READ
from app.tracking import differences, metric_names
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/tracking", tags=["tracking"])
Names = Annotated[list[str], Query(description="Runs, such as `names=run1,run2`.")]


@router.get("/metric-names", response_model=Listing[str], dependencies=[allow(READ)])
def search(
    session: SessionDep,
    caller: CallerDep,
    names: Names = [],
    search: str = "",
    group: str | None = None,
    curved: bool = False,
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict:
    """Names of the metrics of 1 to 50 runs that hold each word of `search`.

    `group` is what stands before the name, such as `train/`, or empty for names without a slash;
    `curved` asks for those with more than their first step.
    """
    runs = differences.get_runs(session, caller.workspace.id, names)
    wanted = metric_names.Wanted([job.id for job in runs], search, group, curved)
    return listing(metric_names.page(session, wanted, page, size))


@router.get("/metric-groups", dependencies=[allow(READ)])
def groups(
    session: SessionDep,
    caller: CallerDep,
    names: Names = [],
    search: str = "",
    group: str | None = None,
    curved: bool = False,
) -> dict:
    """How many names each group has: `{"value": [{"group", "count"}]}`; too many groups are one whose name is null.

    What MLflow measures of the machine is left out unless `group` is `system/`.
    """
    runs = differences.get_runs(session, caller.workspace.id, names)
    wanted = metric_names.Wanted([job.id for job in runs], search, group, curved)
    return {"value": [{"group": name, "count": count} for name, count in metric_names.groups(session, wanted)]}
