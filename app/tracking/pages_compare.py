"""The comparison of several runs: what differs, curves, scatter and parallel coordinates."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs.permissions import READ
from app.kit.ids import digest
from app.tracking import differences
from app.tracking.differences import Section
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs/compare", include_in_schema=False)
CURVES = 4
AXES = 8


@dataclass
class Asked:
    """The query of a comparison. Empty axes are chosen from what differs."""

    names: Annotated[list[str], Query()] = ()
    base: str = ""
    all: bool = False
    metric: Annotated[list[str], Query()] = ()
    x: str = ""
    y: str = ""
    colour: str = ""


@router.get("", dependencies=[allow(READ)])
def compare(request: Request, session: SessionDep, caller: CallerDep, asked: Annotated[Asked, Depends()]) -> Response:
    runs = differences.get_runs(session, caller.workspace.id, asked.names, fewest=2)
    base = asked.base or runs[0].name
    if base not in [job.name for job in runs]:
        raise Invalid(f"base: {base!r} is not among the compared runs.", target="base")
    found = differences.sections(session, runs)
    keys = [line.key for section in found if section.kind == "metrics" for line in section.lines]
    curved = differences.curved(session, runs)
    shown = [key for key in keys if key in asked.metric] or curved[:CURVES]
    context = {
        "asked": asked,
        "runs": runs,
        "labels": differences.labels(runs),
        "base": [job.name for job in runs].index(base),
        "sections": found,
        "metric_keys": keys,
        "curves": [(f"compare-{digest(key)[:16]}", key) for key in shown],
        "names": ",".join(job.name for job in runs),
        **_axes(found, asked),
    }
    return templates.TemplateResponse(request, "jobs/compare.html", context)


def _axes(found: list[Section], asked: Asked) -> dict:
    """The columns to plot, those that differ first, and those that are plotted."""
    lines = [
        (f"{section.kind}.{line.key}", line.differs) for section in found if section.kind for line in section.lines
    ]
    axes = [id for id, differs in lines if differs] + [id for id, differs in lines if not differs]
    for name in ("x", "y", "colour"):
        if getattr(asked, name) not in ("", "none", *axes):
            raise Invalid(f"{name}: none of the runs has {getattr(asked, name)!r}.", target=name)
    params = [id for id, differs in lines if differs and id.startswith("params.")]
    metrics = [id for id, differs in lines if differs and id.startswith("metrics.")]
    first = [*params, *metrics, *axes, ""]
    second = [*metrics, *params, *axes, ""]
    coloured = [*metrics[:1], ""]
    return {
        "axes": axes,
        "x": asked.x or first[0],
        "y": asked.y or next((id for id in second if id != first[0]), ""),
        "colour": asked.colour or coloured[0],
        "parallel": [*params[: AXES // 2], *metrics[: AXES // 2]],
    }
