"""What the buttons of the pages of experiments do: each a form that is posted and leads back to a page."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.experiments import folders, queries, service
from app.experiments.permissions import WRITE
from app.jobs.permissions import DELETE
from app.runs import service as runs
from app.web.addressing import url_for_workspace
from app.web.forms import follow
from app.web.session import SessionDep

router = APIRouter(prefix="/experiments", include_in_schema=False)
Text = Annotated[str, Form()]
Ids = Annotated[list[str], Form()]


def _list(caller: Caller, query: str = "", **more: str) -> str:
    query = query or urlencode({name: value for name, value in more.items() if value})
    return url_for_workspace(caller.workspace.name, "/experiments") + (f"?{query}" if query else "")


def _page(caller: Caller, id: int) -> str:
    return url_for_workspace(caller.workspace.name, f"/experiments/{id}")


def _chosen(session, caller: Caller, ids: list[str]) -> list:
    if not ids:
        raise Invalid("ids: choose at least one experiment.", target="ids")
    return [queries.get(session, caller.workspace.id, id) for id in ids]


@router.post("/create", dependencies=[allow(WRITE)])
def create(
    request: Request, session: SessionDep, caller: CallerDep, name: Text = "", folder: Text = "", description: Text = ""
) -> Response:
    made = service.create(session, caller.workspace.id, name.strip())
    service.describe(session, made, description)
    folders.place(session, [made.id], folders.ensure(session, caller.workspace.id, folder))
    note(session, "experiments", made.name, after={"id": made.id, "folder": folder})
    return follow(request, _page(caller, made.id))


@router.post("/place", dependencies=[allow(WRITE)])
def place(
    request: Request, session: SessionDep, caller: CallerDep, ids: Ids = [], folder: Text = "", back: Text = ""
) -> Response:
    """Put experiments into a folder, which is made if it is not there."""
    chosen = _chosen(session, caller, ids)
    target = folders.ensure(session, caller.workspace.id, folder)
    for experiment in chosen:
        note(session, "experiments", experiment.name, after={"folder": target.path if target else ""})
    folders.place(session, [experiment.id for experiment in chosen], target)
    return follow(request, _list(caller, back, folder=target.path if target else ""))


@router.post("/delete", dependencies=[allow(WRITE)])
def delete(request: Request, session: SessionDep, caller: CallerDep, ids: Ids = [], back: Text = "") -> Response:
    for experiment in _chosen(session, caller, ids):
        service.delete(session, experiment)
        note(session, "experiments", experiment.name, after={"lifecycle_stage": "deleted"})
    return follow(request, _list(caller, back))


@router.post("/restore", dependencies=[allow(WRITE)])
def restore(request: Request, session: SessionDep, caller: CallerDep, ids: Ids = [], back: Text = "") -> Response:
    for experiment in _chosen(session, caller, ids):
        service.restore(session, experiment)
        note(session, "experiments", experiment.name, after={"lifecycle_stage": "active"})
    return follow(request, _list(caller, back))


@router.post("/folders/create", dependencies=[allow(WRITE)])
def create_folder(request: Request, session: SessionDep, caller: CallerDep, folder: Text = "") -> Response:
    made = folders.create(session, caller.workspace.id, folder)
    note(session, "experiment-folders", made.path)
    return follow(request, _list(caller, folder=made.path))


@router.post("/folders/move", dependencies=[allow(WRITE)])
def move_folder(
    request: Request, session: SessionDep, caller: CallerDep, folder: Text = "", path: Text = ""
) -> Response:
    found = folders.get(session, caller.workspace.id, folder)
    note(session, "experiment-folders", found.path, before={"path": found.path}, after={"path": path})
    folders.move(session, found, path)
    return follow(request, _list(caller, folder=found.path))


@router.post("/folders/remove", dependencies=[allow(WRITE)])
def remove_folder(request: Request, session: SessionDep, caller: CallerDep, folder: Text = "") -> Response:
    """Delete a folder and those below it; their experiments go to the folder above."""
    found = folders.get(session, caller.workspace.id, folder)
    note(session, "experiment-folders", found.path)
    folders.remove(session, found)
    return follow(request, _list(caller, folder=folder.rpartition("/")[0]))


@router.post("/{experiment_id}/remove", dependencies=[allow(DELETE)])
def remove(experiment_id: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Delete a deleted experiment for good, with its runs and all files."""
    runs.remove_experiment(session, caller, queries.get(session, caller.workspace.id, experiment_id))
    return follow(request, _list(caller, deleted="true"))


@router.post("/{experiment_id}/change", dependencies=[allow(WRITE)])
def change(
    experiment_id: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Text = "",
    description: Text = "",
) -> Response:
    found = queries.get(session, caller.workspace.id, experiment_id)
    before = {"name": found.name, "description": found.description}
    service.rename(session, found, name.strip())
    service.describe(session, found, description)
    note(session, "experiments", before["name"], before=before, after={"name": name, "description": description})
    return follow(request, _page(caller, found.id))
