"""Pages of experiments: the tree of folders with the experiments in one, and an experiment."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.experiments import folders, queries
from app.experiments.permissions import READ, WRITE
from app.runs import experiments
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/experiments", include_in_schema=False)
SIZE = 50
COMPLETED = 50
NEWEST = 10
ASKED = ("place", "delete")


@dataclass
class Shown:
    """The query of the list."""

    folder: str = ""
    text: str = ""
    everywhere: bool = False
    deleted: bool = False
    sort: str = "-updated"
    page: Annotated[int, Query(ge=1)] = 1


@router.get("", dependencies=[allow(READ)])
def listed(request: Request, session: SessionDep, caller: CallerDep, shown: Annotated[Shown, Depends()]) -> Response:
    workspace_id = caller.workspace.id
    folder = folders.get_or_none(session, workspace_id, shown.folder)
    wanted = experiments.Wanted(folder, shown.text.strip(), shown.everywhere, shown.deleted, shown.sort)
    context = {
        "shown": shown,
        "folder": folder,
        "page": experiments.page(session, workspace_id, wanted, shown.page, SIZE),
        "tree": [] if shown.deleted else experiments.tree(session, workspace_id, folder),
        "most_folders": experiments.MOST_FOLDERS,
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "experiments/list.html", context)


@router.get("/_dialog/{action}", dependencies=[allow(READ)])
def dialog_fragment(
    action: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    ids: Annotated[list[str], Query()] = [],
    back: str = "",
) -> Response:
    """Which folder experiments are to go to, or what it means to delete them."""
    if action not in ASKED:
        raise Invalid(f"action: {action!r} is not one of {', '.join(ASKED)}.", target="action")
    found = [queries.get(session, caller.workspace.id, id) for id in ids]
    context = {
        "action": action,
        "rows": experiments.rows(session, found),
        "back": back,
        "paths": folders.matching(session, caller.workspace.id, "", COMPLETED),
    }
    return templates.TemplateResponse(request, "experiments/_dialog.html", context)


@router.get("/_names", dependencies=[allow(READ)])
def names_fragment(request: Request, session: SessionDep, caller: CallerDep, experiment: str = "") -> Response:
    """Names that hold what is typed in the field `experiment`."""
    wanted = experiments.Wanted(text=experiment.strip(), everywhere=True, sort="name")
    found = experiments.page(session, caller.workspace.id, wanted, 1, COMPLETED)
    context = {"id": "experiment-names", "words": [row.experiment.name for row in found.rows]}
    return templates.TemplateResponse(request, "experiments/_words.html", context)


@router.get("/_folders", dependencies=[allow(READ)])
def folders_fragment(request: Request, session: SessionDep, caller: CallerDep, folder: str = "") -> Response:
    """Paths that hold what is typed in the field `folder`."""
    found = folders.matching(session, caller.workspace.id, folder.strip(), COMPLETED)
    return templates.TemplateResponse(request, "experiments/_words.html", {"id": "folder-paths", "words": found})


@router.get("/{experiment_id}", dependencies=[allow(READ)])
def experiment(experiment_id: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Where links that MLflow's client prints lead, by way of `mlflow-links.js`."""
    found = queries.get(session, caller.workspace.id, experiment_id)
    context = {
        "row": experiments.rows(session, [found], found.lifecycle_stage)[0],
        "newest": experiments.newest_runs(session, found, NEWEST),
        "paths": folders.matching(session, caller.workspace.id, "", COMPLETED),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "experiments/experiment.html", context)
