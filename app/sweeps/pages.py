"""The tab of a sweep's page that shows its trials."""

from fastapi import APIRouter, Request, Response

from app.access.guard import CallerDep, allow
from app.jobs import queries as jobs
from app.jobs.pages_job import page
from app.jobs.permissions import READ
from app.jobs.tables import Job
from app.sweeps import queries
from app.sweeps.queries import Trial
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs/{name}/trials", include_in_schema=False)


@router.get("", dependencies=[allow(READ)])
def trials(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Best first, all of them: a sweep has at most a thousand."""
    sweep = jobs.get(session, caller.workspace.id, name)
    found = queries.trials(session, sweep)
    asked = sweep.spec["sweep"]
    more = {
        "job": sweep,
        "trials": queries.in_order(sweep, found),
        "best": queries.best(sweep, found),
        "objective": asked["objective"],
        "limits": asked["limits"],
        "parameters": list(asked["search_space"]),
    }
    return page(request, session, caller, name, "trials", "sweeps/trials.html", **more)


@router.get("/_values", dependencies=[allow(READ)])
def values(name: str, session: SessionDep, caller: CallerDep) -> dict:
    """What the plots draw: `{columns: [{id, label}], runs: [{name, label, values}]}`."""
    sweep = jobs.get(session, caller.workspace.id, name)
    found = queries.trials(session, sweep)
    asked = sweep.spec["sweep"]
    columns = {"trial:number": "trial", **{f"param:{name}": name for name in asked["search_space"]}}
    columns |= {"objective": asked["objective"]["primary_metric"], "best": "best so far"}
    return {
        "columns": [{"id": key, "label": label} for key, label in columns.items()],
        "runs": _runs(sweep, found),
    }


def _runs(sweep: Job, found: list[Trial]) -> list[dict]:
    better = max if sweep.spec["sweep"]["objective"]["goal"] == "maximize" else min
    best, runs = None, []
    for trial in found:
        values = {"trial:number": trial.number, **{f"param:{key}": value for key, value in trial.values.items()}}
        if trial.objective is not None:
            best = trial.objective if best is None else better(best, trial.objective)
            values |= {"objective": trial.objective, "best": best}
        runs.append({"name": trial.job.name, "label": trial.job.display_name, "values": values})
    return runs
