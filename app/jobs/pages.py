"""Pages of jobs beside the list of them: what changes in it, and who used an asset."""

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs import pages_changes, pages_job, pages_services, pages_submit, queries, streams
from app.jobs.permissions import READ
from app.web.routing import include
from app.web.session import SessionDep
from app.web.sse import stream
from app.web.templating import templates

router = APIRouter(include_in_schema=False)
# Addresses name models in the plural, the lineage in the singular.
KINDS = {"data": "data", "component": "component", "environments": "environment", "model": "model", "models": "model"}


@router.get("/jobs/events", dependencies=[allow(READ)])
def events(caller: CallerDep) -> StreamingResponse:
    """Server-sent events `jobs`: something in the list is not as it was."""
    return stream(streams.list_events(caller.workspace.id))


@router.get("/jobs/_uses", dependencies=[allow(READ)])
def uses_fragment(
    request: Request, session: SessionDep, caller: CallerDep, kind: str, name: str, version: str | None = None
) -> Response:
    """Which jobs read, wrote or ran an asset."""
    if kind not in KINDS:
        raise Invalid(f"kind: {kind!r} is no kind of asset; it is one of {', '.join(KINDS)}.", target="kind")
    uses = queries.users_of(session, caller.workspace.id, KINDS[kind], name, version)
    return templates.TemplateResponse(request, "jobs/_uses.html", {"uses": uses, "name": name, "version": version})


include(router, pages_submit.router)
include(router, pages_changes.router)
include(router, pages_services.router)
include(router, pages_job.router)
