"""Reads of experiments with what is in them: how many runs, and when the last one was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from app.errors import Invalid
from app.experiments import folders
from app.experiments.tables import Experiment, Folder
from app.jobs.tables import Job
from app.kit.paging import Page, paginate

MOST_FOLDERS = 200
_COUNTED = (Job.experiment_id, func.count().label("runs"), func.max(Job.created_at).label("last"))
SORTS = {"name": Experiment.name, "created": Experiment.created_at, "updated": Experiment.updated_at}
ACTIVITY = ("runs", "last")


@dataclass(frozen=True)
class Wanted:
    """Experiments directly in a folder (None is the top), or with `text` or `everywhere` all at and below it."""

    folder: Folder | None = None
    text: str = ""
    everywhere: bool = False
    deleted: bool = False
    sort: str = "-updated"

    @property
    def stage(self) -> str:
        return "deleted" if self.deleted else "active"


@dataclass(frozen=True)
class Row:
    experiment: Experiment
    folder: str
    runs: int
    last: datetime | None


@dataclass(frozen=True)
class Branch:
    """A folder in the tree: `count` experiments lie in it and below, and `branches` are shown where it is open."""

    folder: Folder
    count: int
    is_open: bool
    branches: list["Branch"]


def page(session: Session, workspace_id: int, wanted: Wanted, number: int, size: int) -> Page:
    found = _matching(workspace_id, wanted)
    page = paginate(session, _sorted(found, wanted), number, size)
    return page.showing(rows(session, page.rows, wanted.stage))


def rows(session: Session, experiments: Sequence[Experiment], stage: str = "active") -> list[Row]:
    ids = [experiment.id for experiment in experiments]
    paths = folders.paths_of(session, [found.folder_id for found in experiments if found.folder_id])
    counted = select(*_COUNTED).where(Job.experiment_id.in_(ids), Job.lifecycle_stage == stage)
    counts = {id: (runs, last) for id, runs, last in session.execute(counted.group_by(Job.experiment_id))}
    return [Row(found, paths.get(found.folder_id, ""), *counts.get(found.id, (0, None))) for found in experiments]


def _matching(workspace_id: int, wanted: Wanted) -> Select:
    found = select(Experiment).where(
        Experiment.workspace_id == workspace_id, Experiment.lifecycle_stage == wanted.stage
    )
    if wanted.text:
        found = found.where(Experiment.name.icontains(wanted.text, autoescape=True))
    if not (wanted.text or wanted.everywhere or wanted.deleted):
        return found.where(Experiment.folder_id == (wanted.folder.id if wanted.folder else None))
    if wanted.folder:
        found = found.where(Experiment.folder_id.in_(select(Folder.id).where(folders.below(wanted.folder))))
    return found


def _sorted(found: Select, wanted: Wanted) -> Select:
    name, falls = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    if name in ACTIVITY:
        counted = select(*_COUNTED).where(Job.lifecycle_stage == wanted.stage).group_by(Job.experiment_id).subquery()
        found = found.outerjoin(counted, counted.c.experiment_id == Experiment.id)
        column = counted.c[name]
    elif name in SORTS:
        column = SORTS[name]
    else:
        known = ", ".join([*SORTS, *ACTIVITY])
        raise Invalid(
            f"sort: {wanted.sort!r} is not a column. Use one of {known}, with '-' for falling.", target="sort"
        )
    directed = column.desc().nulls_last() if falls else column.asc().nulls_last()
    return found.order_by(directed, Experiment.id.desc())


def tree(session: Session, workspace_id: int, opened: Folder | None) -> list[Branch]:
    """The folders at the top, and within those on the way to the open one, each level up to a limit."""
    path = opened.path.split("/") if opened else []
    way = {"/".join(path[:depth]) for depth in range(1, len(path) + 1)}
    return _branches(session, workspace_id, None, way)


def _branches(session: Session, workspace_id: int, parent_id: int | None, way: set[str]) -> list[Branch]:
    found = folders.children(session, workspace_id, parent_id, MOST_FOLDERS)
    counts = _counts(session, [folder.id for folder in found])
    return [
        Branch(
            folder,
            counts.get(folder.id, 0),
            folder.path in way,
            _branches(session, workspace_id, folder.id, way) if folder.path in way else [],
        )
        for folder in found
    ]


def _counts(session: Session, folder_ids: Sequence[int]) -> dict[int, int]:
    """How many active experiments lie in folders and all below them."""
    top, inner = aliased(Folder), aliased(Folder)
    within = func.substr(inner.path, 1, func.length(top.path) + 1) == top.path + "/"
    is_below = (inner.workspace_id == top.workspace_id) & ((inner.id == top.id) | within)
    found = select(top.id, func.count(Experiment.id)).join(inner, is_below)
    found = found.join(Experiment, (Experiment.folder_id == inner.id) & (Experiment.lifecycle_stage == "active"))
    return dict(session.execute(found.where(top.id.in_(folder_ids)).group_by(top.id)).all())


def newest_runs(session: Session, experiment: Experiment, count: int) -> Sequence[Job]:
    found = select(Job).where(Job.experiment_id == experiment.id, Job.lifecycle_stage == experiment.lifecycle_stage)
    return session.scalars(found.order_by(Job.created_at.desc(), Job.id.desc()).limit(count)).all()
