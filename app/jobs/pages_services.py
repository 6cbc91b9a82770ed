"""The interactive services of a job: on its page, and the way to each."""

import socket

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow
from app.errors import Forbidden, Invalid, NotFound, Unavailable
from app.jobs import interactive, queries
from app.jobs.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs/{name}", include_in_schema=False)


@router.get("/_services", dependencies=[allow(READ)])
def services_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    found = [(service, interactive.status_of(job, service)) for service in interactive.of_job(session, job)]
    may_open = {item.name: interactive.may_open(caller, job, item.type) for item, _ in found}
    context = {"job": job, "services": found, "may_open": may_open}
    return templates.TemplateResponse(request, "jobs/_services.html", context)


@router.get("/services/{service}", dependencies=[allow(READ)])
@router.get("/services/{service}/", dependencies=[allow(READ)])
def open_service(name: str, service: str, session: SessionDep, caller: CallerDep) -> Response:
    job = queries.get(session, caller.workspace.id, name)
    found = next((item for item in interactive.of_job(session, job) if item.name == service), None)
    if found is None:
        raise NotFound(f"Job {name} has started no service {service!r}.", target="service")
    if not interactive.may_open(caller, job, found.type):
        raise Forbidden(f"{service} runs code as job {name}, so only {job.created_by} may open it.", target="service")
    status = interactive.status_of(job, found)
    if status != interactive.RUNNING:
        raise Unavailable(f"{service} of job {name} is {status.lower()}. {found.error or ''}".strip(), target="service")
    if found.host != socket.gethostname():
        raise Unavailable(
            f"{service} of job {name} listens on {found.host} only; services can be opened of workers on this server's "
            "own machine.",
            target="service",
        )
    if found.type == "ssh":
        raise Invalid(f"{service} is no page: sign in with `atelier job connect-ssh --name {name}`.", target="service")
    return RedirectResponse(f"{interactive.path_of(job.id, found.name)}/", 303)
