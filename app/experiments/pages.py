"""The page of an experiment is the list of its jobs."""

from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from app.access.guard import CallerDep, allow
from app.experiments import queries
from app.experiments.permissions import READ
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix="/experiments", include_in_schema=False)


@router.get("/{experiment_id}", dependencies=[allow(READ)])
def experiment(experiment_id: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    """Where links that MLflow's client prints lead, by way of `mlflow-links.js`."""
    found = queries.get(session, caller.workspace.id, experiment_id)
    address = url_for_workspace(caller.workspace.name, "/jobs")
    return RedirectResponse(f"{address}?{urlencode({'experiment': found.name})}", 303)
