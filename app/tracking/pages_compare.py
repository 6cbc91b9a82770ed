"""The comparison of several runs: what differs, curves, scatter and parallel coordinates."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.errors import Invalid
from app.jobs.permissions import READ
from app.jobs.tables import Job
from app.tracking import differences, metric_names
from app.tracking.differences import Section
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs/compare", include_in_schema=False)
AXES = 8


@dataclass
class Compared:
    """Which runs, and which of them the others are compared with: the first if none is named."""

    names: Annotated[list[str], Query()] = ()
    base: str = ""

    def runs(self, session: Session, caller: Caller) -> tuple[list[Job], int]:
        """The runs, and which of them is the base."""
        found = differences.get_runs(session, caller.workspace.id, self.names, fewest=2)
        known = [job.name for job in found]
        if self.base and self.base not in known:
            raise Invalid(f"base: {self.base!r} is not among the compared runs.", target="base")
        return found, known.index(self.base) if self.base else 0


ComparedDep = Annotated[Compared, Depends()]


def view(request: Request, tab: str, runs: list[Job], base: int, **more: Any) -> Response:
    """A tab of the comparison; its template is named after it."""
    context = {
        "tab": tab,
        "runs": runs,
        "base": base,
        "labels": differences.labels(runs),
        "names": ",".join(job.name for job in runs),
    }
    return templates.TemplateResponse(request, f"jobs/compare_{tab}.html", context | more)


@router.get("", dependencies=[allow(READ)])
def values(
    request: Request, session: SessionDep, caller: CallerDep, compared: ComparedDep, all: bool = False
) -> Response:
    """What differs, or all that there is."""
    runs, base = compared.runs(session, caller)
    return view(request, "values", runs, base, all=all, sections=differences.sections(session, runs))


@router.get("/charts", dependencies=[allow(READ)])
def charts(request: Request, session: SessionDep, caller: CallerDep, compared: ComparedDep) -> Response:
    runs, base = compared.runs(session, caller)
    wanted = metric_names.Wanted([job.id for job in runs], curved=True)
    return view(request, "charts", runs, base, has_curves=bool(metric_names.groups(session, wanted)))


@dataclass
class Axes:
    """Columns such as `params.lr`. Those that are empty are chosen from what differs; the colour may be `none`."""

    x: str = ""
    y: str = ""
    colour: str = ""
    axis: Annotated[list[str], Query()] = ()


@router.get("/plots", dependencies=[allow(READ)])
def plots(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    compared: ComparedDep,
    axes: Annotated[Axes, Depends()],
) -> Response:
    runs, base = compared.runs(session, caller)
    return view(request, "plots", runs, base, **_axes(differences.sections(session, runs), axes))


def _axes(found: list[Section], asked: Axes) -> dict:
    """The columns to plot, those that differ first, and those that are plotted."""
    lines = [
        (f"{section.kind}.{line.key}", line.differs) for section in found if section.kind for line in section.lines
    ]
    axes = [id for id, differs in lines if differs] + [id for id, differs in lines if not differs]
    for name, ids in (("x", [asked.x]), ("y", [asked.y]), ("colour", [asked.colour]), ("axis", asked.axis)):
        for id in ids:
            if id not in ("", "none", *axes):
                raise Invalid(f"{name}: none of the runs has {id!r}.", target=name)
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
        "parallel": list(asked.axis) or [*params[: AXES // 2], *metrics[: AXES // 2]],
    }
