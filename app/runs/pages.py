"""Dialogs that ask before something is done to runs, the forms that they send, and progress of what takes long."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.jobs import facets
from app.jobs.permissions import DELETE, READ, WRITE
from app.kit.clock import now
from app.runs import actions, pages_experiment_changes, pages_experiments, removing, selection, service
from app.runs.descent import jobs_of
from app.runs.schemas import Arguments
from app.runs.selection import Selection
from app.web.addressing import url_for_workspace
from app.web.forms import follow
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

bulk = APIRouter(prefix="/jobs/bulk", include_in_schema=False)
SHOWN_FOR = timedelta(minutes=1)
ASKED = ("move", actions.COPY, "tag", "untag", "rename", "delete", actions.REMOVE)


class Wanted(Arguments):
    """`all` means all that the list at the query `back` matches; `job` is the run on whose page it was asked."""

    children: bool = False
    names: list[str] = []
    all: bool = False
    back: str = ""
    job: str = ""

    @property
    def selection(self) -> Selection:
        return Selection(query=self.back) if self.all else Selection(tuple(self.names))


@bulk.get("/_dialog/{action}", dependencies=[allow(READ)])
def dialog_fragment(
    action: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    names: Annotated[list[str], Query()] = [],
    all: bool = False,
    back: str = "",
    job: str = "",
) -> Response:
    """What is to be said before an action: where to, which tag, and what goes for good."""
    if action not in ASKED:
        raise Invalid(f"action: {action!r} is not one of {', '.join(ASKED)}.", target="action")
    workspace_id = caller.workspace.id
    chosen = Selection(query=back) if all else Selection(tuple(names))
    jobs = [] if all else jobs_of(session, selection.named(session, workspace_id, names))
    context = {
        "action": action,
        "names": names,
        "jobs": jobs,
        "all": all,
        "back": back,
        "job": job,
        "total": selection.count(session, workspace_id, chosen) if all else len(jobs),
        "loss": removing.loss(session, jobs) if jobs else None,
        "experiments": facets.experiments(session, workspace_id) if action in ("move", actions.COPY) else [],
    }
    return templates.TemplateResponse(request, "runs/_dialog.html", context)


@bulk.get("/_operations", dependencies=[allow(READ)])
def operations_fragment(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """What goes on with many runs, and what ended just now."""
    found = service.recent(session, caller.workspace.id, now() - SHOWN_FOR)
    return templates.TemplateResponse(request, "runs/_operations.html", {"operations": found})


@bulk.post("/operations/{operation_id}/stop", dependencies=[allow(WRITE)])
def stop(operation_id: int, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = service.get(session, caller.workspace.id, operation_id)
    service.stop(session, found)
    note(session, "bulk-operations", str(found.id), after={"status": found.status})
    return follow(request, url_for_workspace(caller.workspace.name, "/jobs"))


@bulk.post("/remove", dependencies=[allow(DELETE)])
def remove(request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Form()]) -> Response:
    """Delete runs for good, with their files."""
    service.act(session, caller, actions.REMOVE, wanted.selection, wanted)
    return follow(request, _list(caller, wanted.back))


@bulk.post("/{action}", dependencies=[allow(WRITE)])
def act(
    action: str, request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Form()]
) -> Response:
    done = service.act(session, caller, action, wanted.selection, wanted)
    if not wanted.job:
        return follow(request, _list(caller, wanted.back))
    shown = done.names[0] if action == actions.COPY and done.names else wanted.job
    return follow(request, url_for_workspace(caller.workspace.name, f"/jobs/{quote(shown)}"))


def _list(caller: Caller, query: str) -> str:
    address = url_for_workspace(caller.workspace.name, "/jobs")
    return f"{address}?{query}" if query else address


router = APIRouter(include_in_schema=False)
include(router, bulk)
include(router, pages_experiments.router)
include(router, pages_experiment_changes.router)
