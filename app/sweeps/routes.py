"""REST for the trials of a sweep."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.access.guard import CallerDep, allow
from app.jobs import queries as jobs
from app.jobs.permissions import READ
from app.kit.paging import Page
from app.sweeps import queries
from app.sweeps.schemas import TrialRead
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/jobs/{name}/trials", tags=["jobs"])


@router.get("", response_model=Listing[TrialRead], dependencies=[allow(READ)])
def trials(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    sort: Literal["number", "objective"] = "number",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    """The trials by number, or best first with `sort=objective`."""
    sweep = jobs.get(session, caller.workspace.id, name)
    found = queries.trials(session, sweep)
    ordered = queries.in_order(sweep, found) if sort == "objective" else found
    shown = ordered[(page - 1) * size : page * size]
    return listing(Page(shown, len(found), page, size), [TrialRead.of(trial) for trial in shown])
