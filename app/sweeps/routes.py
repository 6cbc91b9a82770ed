"""REST for the trials of a sweep."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.access.guard import CallerDep, allow
from app.jobs import queries as jobs
from app.jobs.permissions import READ
from app.sweeps import queries
from app.sweeps.importance import Importance, importance
from app.sweeps.schemas import ImportanceRead, TrialRead
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/jobs/{name}/trials", tags=["jobs"])


@router.get("", response_model=Listing[TrialRead], dependencies=[allow(READ)])
def trials(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    sort: Literal["number", "-number", "objective", "-objective"] = "number",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    """The trials by number, or best first with `sort=objective`; `-` turns the order."""
    sweep = jobs.get(session, caller.workspace.id, name)
    found = queries.page(session, sweep, sort=sort, number=page, size=size)
    return listing(found, [TrialRead.of(trial) for trial in found.rows])


@router.get("/importance", response_model=list[ImportanceRead], dependencies=[allow(READ)])
def important(name: str, session: SessionDep, caller: CallerDep) -> list[Importance]:
    """How much each parameter alone tells about the objective, the most important first; of fewer than 8 completed
    trials nothing is said. See `app.sweeps.importance`."""
    found = queries.results(session, jobs.get(session, caller.workspace.id, name))
    return importance(queries.measured(found))
