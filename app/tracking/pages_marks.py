"""Marks that people put on runs in the list: stars, and pins that keep a run on top."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.jobs import facets
from app.jobs.permissions import WRITE
from app.tracking import columns, service
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs", include_in_schema=False)
Text = Annotated[str, Form()]
Names = Annotated[list[str], Form()]


@router.post("/star", dependencies=[allow(WRITE)])
def star(
    session: SessionDep, caller: CallerDep, only: Text = "", names: Names = [], back: Text = ""
) -> RedirectResponse:
    """Turn the star of one run over (`only`), or mark all of `names`."""
    return _mark(session, caller, columns.STARRED, only, names, back)


@router.post("/pin", dependencies=[allow(WRITE)])
def pin(
    session: SessionDep, caller: CallerDep, only: Text = "", names: Names = [], back: Text = ""
) -> RedirectResponse:
    """The same with the pin, which keeps runs on top of the list however it is sorted."""
    return _mark(session, caller, columns.PINNED, only, names, back)


def _mark(session: Session, caller: Caller, tag: str, only: str, names: Sequence[str], back: str) -> RedirectResponse:
    found = facets.named(session, caller.workspace.id, [only] if only else names)
    if only and not found:
        raise Invalid(f"only: there is no job {only!r} in this workspace.", target="only")
    for job in found:
        marked = not (only and tag in job.tag_map)
        if marked:
            service.set_tags(session, job, [(tag, "true")])
        else:
            service.delete_tag(session, job, tag)
        note(session, "jobs", job.name, after={tag: marked})
    address = url_for_workspace(caller.workspace.name, "/jobs")
    return RedirectResponse(f"{address}?{back}" if back else address, 303)
