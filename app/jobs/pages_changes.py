"""What the buttons of a job's page do: each a form that is posted and leads back to a page."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.jobs import queries, service
from app.jobs.lifecycle import Priority
from app.jobs.permissions import WRITE
from app.web.addressing import url_for_workspace
from app.web.forms import follow
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs/{name}", include_in_schema=False)


def to_job(caller: Caller, name: str) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/jobs/{name}"), 303)


@router.post("/cancel", dependencies=[allow(WRITE)])
def cancel(name: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    job = queries.get(session, caller.workspace.id, name)
    before = job.status
    service.cancel(session, job)
    note(session, "jobs", name, before={"status": before}, after={"status": job.status})
    return to_job(caller, name)


@router.post("/resubmit", dependencies=[allow(WRITE)])
def resubmit(name: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    """The same job once more; leads to the new one."""
    again = service.resubmit(session, caller, queries.get(session, caller.workspace.id, name))
    note(session, "jobs", again.name, after={"resubmitted": name})
    return to_job(caller, again.name)


@router.post("/archive", dependencies=[allow(WRITE)])
def archive(
    name: str, session: SessionDep, caller: CallerDep, archived: Annotated[bool, Form()] = True
) -> RedirectResponse:
    job = queries.get(session, caller.workspace.id, name)
    before = {"archived": job.archived}
    service.change(session, job, archived=archived)
    note(session, "jobs", name, before=before, after={"archived": archived})
    return to_job(caller, name)


@router.post("/describe", dependencies=[allow(WRITE)])
def describe(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    display_name: Annotated[str, Form(max_length=255)] = "",
    description: Annotated[str, Form()] = "",
) -> RedirectResponse:
    job = queries.get(session, caller.workspace.id, name)
    before = {"display_name": job.display_name, "description": job.description}
    service.change(session, job, display_name=display_name, description=description)
    after = {"display_name": job.display_name, "description": job.description}
    note(session, "jobs", name, before=before, after=after)
    return to_job(caller, name)


@router.post("/priority", dependencies=[allow(WRITE)])
def priority(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    priority: Annotated[Literal["high", "medium", "low"], Form()],
    back: Annotated[Literal["job", "queue"], Form()] = "job",
) -> Response:
    """When a waiting job's turn is; leads back to the page on which it was changed."""
    job = queries.get(session, caller.workspace.id, name)
    before = {"priority": Priority(job.priority).label}
    service.change(session, job, priority=priority)
    note(session, "jobs", name, before=before, after={"priority": priority})
    page = f"/jobs/{name}" if back == "job" else "/compute/queue"
    return follow(request, url_for_workspace(caller.workspace.name, page))


@router.post("/tags", dependencies=[allow(WRITE)])
def tags(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    key: Annotated[list[str], Form()] = [],
    value: Annotated[list[str], Form()] = [],
) -> RedirectResponse:
    """Replace the tags by the rows of the form; a row without a key is left out."""
    job = queries.get(session, caller.workspace.id, name)
    if len(key) != len(value):
        raise Invalid(f"tags: {len(key)} keys came with {len(value)} values; each tag has one of both.", target="tags")
    wanted = {item.strip(): text.strip() for item, text in zip(key, value, strict=True) if item.strip()}
    before = job.tag_map
    service.set_tags(session, job, wanted)
    note(session, "jobs", name, before={"tags": before}, after={"tags": wanted})
    return to_job(caller, name)
