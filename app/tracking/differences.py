"""What sets several runs apart: parameters, metrics, tags, inputs, environment and command, side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.errors import Invalid, NotFound
from app.jobs.tables import Job
from app.tracking import queries
from app.tracking.tables import LatestMetric, Param

MOST_RUNS = 50
MOST_LINES = 500
"""In one section; more would be no comparison that anybody reads."""


@dataclass(frozen=True)
class Line:
    """One thing in all runs, in their order; None where a run has none."""

    key: str
    cells: Sequence[str | float | None]

    @property
    def differs(self) -> bool:
        return any(not _same(self.cells[0], cell) for cell in self.cells[1:])


@dataclass(frozen=True)
class Section:
    """`kind` is the word before the dot where the section's lines are columns of the run table, else empty.

    `lines` are at most MOST_LINES of the `total` things that the runs have, those that differ before the others.
    """

    title: str
    kind: str
    lines: Sequence[Line]
    total: int
    differing: int

    @property
    def different(self) -> list[Line]:
        return [line for line in self.lines if line.differs]


def _same(one, other) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other


def get_runs(session: Session, workspace_id: int, texts: Sequence[str], fewest: int = 1) -> list[Job]:
    """The runs of `names=a,b&names=c`, each once, in that order; raises for too few, too many and unknown ones."""
    names = list(dict.fromkeys(part.strip() for text in texts for part in text.split(",") if part.strip()))
    if not fewest <= len(names) <= MOST_RUNS:
        raise Invalid(
            f"names: a comparison is of {fewest} to {MOST_RUNS} runs, such as names=run1,run2; "
            f"{'these are ' + str(len(names)) if names else 'there is none'}.",
            target="names",
        )
    options = (joinedload(Job.experiment), selectinload(Job.tags))
    found = select(Job).where(Job.workspace_id == workspace_id, Job.name.in_(names)).options(*options)
    runs = {job.name: job for job in session.scalars(found)}
    if missing := [name for name in names if name not in runs]:
        raise NotFound(f"names: there is no job {', '.join(map(repr, missing))} in this workspace.", target="names")
    return [runs[name] for name in names]


def labels(runs: Sequence[Job]) -> list[str]:
    """Display names, with the name after it where two runs share one."""
    shown = [job.display_name for job in runs]
    return [
        f"{job.display_name} ({job.name})" if shown.count(job.display_name) > 1 else job.display_name for job in runs
    ]


def sections(session: Session, runs: Sequence[Job]) -> list[Section]:
    """What the runs have, in sections."""
    inputs = queries.inputs_of(session, [job.id for job in runs])
    read = [
        _inputs(job) | {f"{row.dataset.name} (dataset)": row.dataset.digest for row in inputs.get(job.id, [])}
        for job in runs
    ]
    return [
        _logged(session, "Parameters", "params", Param, runs),
        _logged(session, "Metrics", "metrics", LatestMetric, runs),
        _section("Tags", "tags", [_tags(job) for job in runs]),
        _section("Inputs", "", read),
        _section("Environment", "", [_environment(job) for job in runs]),
        _section("Command", "", [{"command": job.command} if job.command else {} for job in runs]),
        _section("Run", "", [_run(job) for job in runs]),
    ]


def _logged(session: Session, title: str, kind: str, table: type, runs: Sequence[Job]) -> Section:
    """Runs may have many thousands of names, so the database picks those to be listed."""
    job_ids = [job.id for job in runs]
    present = func.count(table.value)
    differs = case(
        (func.min(table.value) != func.max(table.value), 1),
        (func.count() < len(runs), 1),
        ((present > 0) & (present < len(runs)), 1),
        else_=0,
    ).label("differs")
    found = select(table.key, differs).where(table.job_id.in_(job_ids)).group_by(table.key).subquery()
    total, differing = session.execute(select(func.count(), func.sum(found.c.differs)).select_from(found)).one()
    keys = list(session.scalars(select(found.c.key).order_by(found.c.differs.desc(), found.c.key).limit(MOST_LINES)))
    cells: dict[str, dict] = {key: {} for key in keys}
    rows = select(table.key, table.job_id, table.value).where(table.job_id.in_(job_ids), table.key.in_(keys))
    for key, job_id, value in session.execute(rows):
        cells[key][job_id] = math.nan if value is None else value
    lines = [Line(key, [cells[key].get(job_id) for job_id in job_ids]) for key in keys]
    return Section(title, kind, lines, total, differing or 0)


def _section(title: str, kind: str, sides: Sequence[dict]) -> Section:
    keys = sorted({key for side in sides for key in side})
    lines = [Line(key, [side.get(key) for side in sides]) for key in keys]
    lines.sort(key=lambda line: not line.differs)
    return Section(title, kind, lines[:MOST_LINES], len(lines), sum(line.differs for line in lines))


def _tags(job: Job) -> dict[str, str]:
    return {key: value for key, value in job.tag_map.items() if not key.startswith("mlflow.")}


def _inputs(job: Job) -> dict[str, str]:
    found = {}
    for port, value in job.inputs.items():
        asset = value.get("asset")
        shown = f"{asset['name']}:{asset['version']}" if asset else value.get("value", value.get("path"))
        found[port] = str(shown)
    return found


def _environment(job: Job) -> dict[str, str]:
    return {key: str(value) for key, value in (job.environment or {}).items() if isinstance(value, str | int | float)}


def _run(job: Job) -> dict[str, str]:
    found = {"status": str(job.status), "experiment": job.experiment.name, "created by": job.created_by}
    if job.code:
        found["code"] = job.code.rpartition("/")[2]
    return found


def numbers(runs: Sequence[Job], found: Sequence[Section]) -> dict:
    """What plots take: `{"columns": [{"id", "label"}], "runs": [{"name", "label", "values": {id: number or text}}]}`.

    A parameter or tag that reads as a number is one, and a value that is not finite is left out.
    """
    plotted = [(f"{section.kind}.{line.key}", line) for section in found if section.kind for line in section.lines]
    rows = []
    for index, (job, label) in enumerate(zip(runs, labels(runs), strict=True)):
        values = {id: _plain(line.cells[index]) for id, line in plotted}
        rows.append({"name": job.name, "label": label, "values": {id: v for id, v in values.items() if v is not None}})
    return {"columns": [{"id": id, "label": line.key} for id, line in plotted], "runs": rows}


def _plain(value: str | float | None) -> str | float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else None
