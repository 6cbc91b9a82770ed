"""Pages on which a job is submitted: the editor of a job file, and the example."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.errors import AtelierError
from app.jobs import components, drafts, examples, queries, service
from app.jobs.pages_changes import to_job
from app.jobs.permissions import WRITE
from app.kit import documents
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs", include_in_schema=False)


@router.get("/new", dependencies=[allow(WRITE)])
def new(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    source: Annotated[str, Query(alias="from")] = "",
    component: str = "",
) -> Response:
    """An editor with the example in it, with the file of the job `from`, or with one that runs a component."""
    if component:
        draft = drafts.Draft(components.draft(session, caller.workspace.id, component), "", False)
    elif source:
        draft = drafts.of_job(queries.get(session, caller.workspace.id, source))
    else:
        draft = examples.digits()
    return templates.TemplateResponse(request, "jobs/new.html", {"draft": draft})


@router.post("/new", dependencies=[allow(WRITE)])
def submit(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    yaml: Annotated[str, Form()] = "",
    source: Annotated[str, Form(alias="from")] = "",
    keep_code: Annotated[bool, Form()] = False,
    code: Annotated[list[UploadFile], File()] = [],
) -> Response:
    files = [(file.filename, file.file) for file in code if file.filename]
    draft = drafts.Draft(yaml, source, keep_code and not files)
    limit = request.app.state.settings.upload_bytes
    try:
        # Everything is checked before anything is written, for what is caught here is not rolled back.
        uploads = drafts.uploads(session, caller.workspace.id, draft, files, limit)
        drafts.check(session, caller.workspace.id, yaml, uploads)
    except AtelierError as error:
        context = {"draft": draft, "error": error, "excerpt": documents.excerpt(yaml, error.message)}
        return templates.TemplateResponse(request, "jobs/new.html", context, status_code=error.status)
    job = service.submit(session, caller, yaml, uploads)
    note(session, "jobs", job.name, after={"display_name": job.display_name, "command": job.command})
    return to_job(caller, job.name)


@router.post("/examples/digits", dependencies=[allow(WRITE)])
def run_digits(session: SessionDep, caller: CallerDep) -> RedirectResponse:
    job = examples.submit_digits(session, caller)
    note(session, "jobs", job.name, after={"display_name": job.display_name, "command": job.command})
    return to_job(caller, job.name)
