"""Pages of the workers, of the queue and of named computes."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.compute import occupancy, queries, service, usage
from app.compute.permissions import QUEUES, READ, WRITE
from app.compute.power import change_power
from app.compute.specification import load_compute
from app.errors import AtelierError
from app.jobs import waiting
from app.kit.documents import excerpt
from app.web.addressing import url_for_workspace
from app.web.forms import follow
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/compute", include_in_schema=False)
EXAMPLE = """\
name: cpu-cluster
type: amlcompute
size: Standard_DS3_v2
min_instances: 0
max_instances: 4
"""


@router.get("", dependencies=[allow(READ)])
def compute(request: Request, session: SessionDep) -> Response:
    return templates.TemplateResponse(request, "compute/list.html", _workers(request, session))


@router.get("/_workers", dependencies=[allow(READ)])
def workers_fragment(request: Request, session: SessionDep) -> Response:
    return templates.TemplateResponse(request, "compute/_workers.html", _workers(request, session))


def _workers(request: Request, session: SessionDep) -> dict:
    return {"workers": queries.working(session), "config": request.app.state.settings.home / "atelier.toml"}


@router.get("/queue", dependencies=[allow(READ)])
def queue(request: Request, session: SessionDep, caller: CallerDep, queue: str = "", page: int = 1) -> Response:
    """Who uses what now, and what waits."""
    return templates.TemplateResponse(request, "compute/queue.html", _queue(session, caller, queue, page))


@router.get("/_queue", dependencies=[allow(READ)])
def queue_fragment(
    request: Request, session: SessionDep, caller: CallerDep, queue: str = "", page: int = 1
) -> Response:
    return templates.TemplateResponse(request, "compute/_queue.html", _queue(session, caller, queue, page))


def _queue(session: SessionDep, caller: Caller, queue: str, page: int) -> dict:
    found = usage.waiting_page(session, caller.workspace.id, queue=queue, number=max(1, page))
    return {
        "usage": usage.now(session, caller.workspace.id),
        "page": found,
        "reasons": waiting.explain(session, found.rows),
        "queue": queue,
    }


@router.post("/queues", dependencies=[allow(QUEUES)])
def put_queue(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()],
    weight: Annotated[int, Form()] = 1,
    max_slots: Annotated[str, Form()] = "",
) -> Response:
    """Make a queue or change one; no limit where the field is empty."""
    changes = {"weight": weight, "max_slots": int(max_slots) if max_slots.strip().isdigit() else None}
    before = queries.find_queue(session, name)
    before = {field: getattr(before, field) for field in changes} if before else None
    service.put_queue(session, name.strip(), changes)
    note(session, "queues", name, before=before, after=changes)
    return follow(request, url_for_workspace(caller.workspace.name, "/compute/queue"))


@router.post("/queues/{name}/delete", dependencies=[allow(QUEUES)])
def delete_queue(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_queue(session, name)
    note(session, "queues", name, before={"weight": found.weight, "max_slots": found.max_slots})
    service.delete_queue(session, found)
    return follow(request, url_for_workspace(caller.workspace.name, "/compute/queue"))


@router.get("/named", dependencies=[allow(READ)])
def computes(request: Request, session: SessionDep, caller: CallerDep, page: int = 1) -> Response:
    found = queries.computes(session, caller.workspace.id, number=max(1, page))
    context = {"page": found, "used": occupancy.now(session).computes}
    return templates.TemplateResponse(request, "compute/named.html", context)


@router.get("/named/new", dependencies=[allow(WRITE)])
def new_compute(request: Request) -> Response:
    return templates.TemplateResponse(request, "compute/edit.html", {"yaml": EXAMPLE})


@router.post("/named/new", dependencies=[allow(WRITE)])
def put_compute(
    request: Request, session: SessionDep, caller: CallerDep, yaml: Annotated[str, Form()] = ""
) -> Response:
    try:
        made, _ = service.put_compute(session, caller.workspace.id, load_compute(yaml), created_by=caller.user.name)
    except AtelierError as error:
        # What raised wrote nothing: everything is checked first.
        session.info.pop("conclude", None)
        context = {"yaml": yaml, "error": error, "excerpt": excerpt(yaml, error.message)}
        return templates.TemplateResponse(request, "compute/edit.html", context, status_code=error.status)
    note(session, "computes", made.name, after={"type": made.type, "max_instances": made.max_instances})
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/compute/named/{made.name}"), 303)


@router.get("/named/{name}", dependencies=[allow(READ)])
def named(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_compute(session, caller.workspace.id, name)
    context = {
        "compute": found,
        "in_use": occupancy.now(session).computes[found.workspace_id, name],
        "queues": queries.queues(session),
    }
    return templates.TemplateResponse(request, "compute/compute.html", context)


@router.post("/named/{name}", dependencies=[allow(WRITE)])
def change_compute(
    name: str,
    session: SessionDep,
    caller: CallerDep,
    max_instances: Annotated[str, Form()] = "",
    queue: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
) -> RedirectResponse:
    found = queries.get_compute(session, caller.workspace.id, name)
    most = int(max_instances) if max_instances.strip().isdigit() else None
    changes = {"max_instances": most, "queue": queue or None, "description": description}
    before = {field: getattr(found, field) for field in changes}
    service.change_compute(session, found, changes)
    note(session, "computes", name, before=before, after=changes)
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/compute/named/{name}"), 303)


@router.post("/named/{name}/stop", dependencies=[allow(WRITE)])
def stop_compute(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _powered(request, session, caller, name, service.stop_compute)


@router.post("/named/{name}/start", dependencies=[allow(WRITE)])
def start_compute(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _powered(request, session, caller, name, service.start_compute)


def _powered(request: Request, session: Session, caller: Caller, name: str, change: Callable) -> Response:
    change_power(session, caller.workspace.id, name, change)
    return follow(request, url_for_workspace(caller.workspace.name, f"/compute/named/{name}"))


@router.post("/named/{name}/delete", dependencies=[allow(WRITE)])
def delete_compute(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_compute(session, caller.workspace.id, name)
    note(session, "computes", name, before={"type": found.type, "max_instances": found.max_instances})
    service.delete_compute(session, found)
    return follow(request, url_for_workspace(caller.workspace.name, "/compute/named"))
