"""Pages of jobs beside the list of them: what is done to many at once, and who used an asset."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse, StreamingResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.jobs import facets, pages_changes, pages_job, pages_submit, queries, service, streams
from app.jobs.permissions import READ, WRITE
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.sse import stream
from app.web.templating import templates

router = APIRouter(include_in_schema=False)
# Addresses name models in the plural, the lineage in the singular.
KINDS = {"data": "data", "model": "model", "models": "model"}


@router.get("/jobs/events", dependencies=[allow(READ)])
def events(caller: CallerDep) -> StreamingResponse:
    """Server-sent events `jobs`: something in the list is not as it was."""
    return stream(streams.list_events(caller.workspace.id))


@router.get("/jobs/_uses", dependencies=[allow(READ)])
def uses_fragment(
    request: Request, session: SessionDep, caller: CallerDep, kind: str, name: str, version: str | None = None
) -> Response:
    """Which jobs read or wrote an asset."""
    if kind not in KINDS:
        raise Invalid(f"kind: {kind!r} is no kind of asset; it is one of {', '.join(KINDS)}.", target="kind")
    uses = queries.users_of(session, caller.workspace.id, KINDS[kind], name, version)
    return templates.TemplateResponse(request, "jobs/_uses.html", {"uses": uses, "name": name, "version": version})


@router.post("/jobs/cancel", dependencies=[allow(WRITE)])
def cancel(
    session: SessionDep, caller: CallerDep, names: Annotated[list[str], Form()] = [], back: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Cancel those of the jobs that have not ended."""
    for job in facets.named(session, caller.workspace.id, names):
        if not job.status.is_final:
            before = job.status
            service.cancel(session, job)
            note(session, "jobs", job.name, before={"status": before}, after={"status": job.status})
    return _to_list(caller, back)


@router.post("/jobs/archive", dependencies=[allow(WRITE)])
def archive(
    session: SessionDep,
    caller: CallerDep,
    names: Annotated[list[str], Form()] = [],
    archived: Annotated[bool, Form()] = True,
    back: Annotated[str, Form()] = "",
) -> RedirectResponse:
    for job in facets.named(session, caller.workspace.id, names):
        before = {"archived": job.archived}
        service.change(session, job, archived=archived)
        note(session, "jobs", job.name, before=before, after={"archived": archived})
    return _to_list(caller, back)


def _to_list(caller: Caller, query: str) -> RedirectResponse:
    address = url_for_workspace(caller.workspace.name, "/jobs")
    return RedirectResponse(f"{address}?{query}" if query else address, 303)


router.include_router(pages_submit.router)
router.include_router(pages_changes.router)
router.include_router(pages_job.router)
