"""The tab of a sweep's page that shows its trials."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.jobs import pages_job
from app.jobs import queries as jobs
from app.jobs.permissions import READ
from app.jobs.tables import Job
from app.sweeps import queries
from app.sweeps.importance import LEAST_TRIALS, importance
from app.sweeps.queries import Result
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs/{name}/trials", include_in_schema=False)
_TRENDS = ("better where it is higher", "better where it is lower")


@router.get("", dependencies=[allow(READ)])
def trials(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    sort: str = "objective",
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    sweep = jobs.get(session, caller.workspace.id, name)
    asked = sweep.spec["sweep"] if sweep.type == "sweep" else {}
    counts = queries.counts(session, sweep)
    more = {
        "job": sweep,
        "page": queries.page(session, sweep, sort=sort, number=number),
        "best": queries.best(session, sweep),
        "counts": counts,
        "ended": sum(count for status, count in counts.items() if status.is_final),
        "objective": asked["objective"],
        "limits": asked["limits"],
        "parameters": list(asked["search_space"]),
        "important": _important(sweep, queries.results(session, sweep)),
        "least": LEAST_TRIALS,
    }
    return pages_job.page(request, session, caller, name, "trials", "sweeps/trials.html", **more)


def _important(sweep: Job, found: list[Result]) -> list[dict]:
    """The importances with words for a trend that is worth a word."""
    is_minimized = sweep.spec["sweep"]["objective"]["goal"] == "minimize"
    shown = []
    for one in importance(queries.measured(found)):
        trend = ""
        if one.trend is not None and abs(one.trend) >= 0.3:
            trend = _TRENDS[(one.trend < 0) != is_minimized]
        shown.append({"parameter": one.parameter, "share": one.share, "trend": trend})
    return shown


@router.get("/_values", dependencies=[allow(READ)])
def values(name: str, session: SessionDep, caller: CallerDep) -> dict:
    """What the plots draw: `{columns: [{id, label}], runs: [{name, label, values}]}`."""
    sweep = jobs.get(session, caller.workspace.id, name)
    found = queries.results(session, sweep)
    asked = sweep.spec["sweep"]
    columns = {"trial:number": "trial", **{f"param:{name}": name for name in asked["search_space"]}}
    columns |= {"objective": asked["objective"]["primary_metric"], "best": "best so far"}
    return {
        "columns": [{"id": key, "label": label} for key, label in columns.items()],
        "runs": _runs(sweep, found),
    }


def _runs(sweep: Job, found: list[Result]) -> list[dict]:
    better = max if sweep.spec["sweep"]["objective"]["goal"] == "maximize" else min
    best, runs = None, []
    for trial in found:
        values = {"trial:number": trial.number, **{f"param:{key}": value for key, value in trial.values.items()}}
        if trial.objective is not None:
            best = trial.objective if best is None else better(best, trial.objective)
            values |= {"objective": trial.objective, "best": best}
        runs.append({"name": trial.name, "label": trial.display_name, "values": values})
    return runs
