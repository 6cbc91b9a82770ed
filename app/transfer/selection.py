"""What a bundle holds: whole experiments, or some of their runs, and all that belongs to them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.experiments import queries as experiments
from app.jobs.tables import Job
from app.models.tables import ModelVersion
from app.traces.tables import Trace, TraceRun
from app.tracking import runs
from app.tracking.tables import LoggedModel

_AT_ONCE = 100


@dataclass(frozen=True)
class Selection:
    """`experiments` are rows' ids, ordered by the names of the experiments. With `runs`, also rows' ids, it
    holds those runs only, with the models and traces that are theirs.
    """

    workspace_id: int
    experiments: tuple[int, ...]
    runs: tuple[int, ...] | None = None

    def number(self, experiment_id: int) -> str:
        """What stands for an experiment's id in a bundle."""
        return str(self.experiments.index(experiment_id) + 1)

    def jobs(self) -> Select:
        """Ids of the rows."""
        found = select(Job.id).where(Job.experiment_id.in_(self.experiments))
        return found if self.runs is None else found.where(Job.id.in_(self.runs))

    def logged_models(self) -> Select:
        found = select(LoggedModel.id).where(LoggedModel.experiment_id.in_(self.experiments))
        return found if self.runs is None else found.where(LoggedModel.job_id.in_(self.runs))

    def traces(self) -> Select:
        found = select(Trace.id).where(Trace.experiment_id.in_(self.experiments))
        if self.runs is None:
            return found
        return found.where(Trace.id.in_(select(TraceRun.trace_id).where(TraceRun.job_id.in_(self.runs))))

    def versions(self) -> Select:
        made_by = or_(ModelVersion.job_id.in_(self.jobs()), ModelVersion.logged_model.in_(self.logged_models()))
        return select(ModelVersion.id).where(made_by)


def select_all(session: Session, workspace_id: int, names: Collection[str], run_ids: Collection[str]) -> Selection:
    """The experiments of these names, or these runs; raises Invalid without either or with both, and NotFound."""
    if bool(names) == bool(run_ids):
        raise Invalid("experiment: name the experiments to export, or the runs, and not both.", target="experiment")
    chosen = None
    if run_ids:
        jobs = [runs.get(session, workspace_id, run_id) for run_id in sorted(set(run_ids))]
        chosen, found = tuple(job.id for job in jobs), {job.experiment_id: job.experiment for job in jobs}
    else:
        rows = [experiments.get_by_name(session, workspace_id, name) for name in set(names)]
        found = {row.id: row for row in rows}
    ordered = sorted(found.values(), key=lambda row: row.name)
    return Selection(workspace_id, tuple(row.id for row in ordered), chosen)


def in_order(session: Session, ids: Select, key) -> list[int]:
    """Ids of rows by their names as Python orders them, which is the same on every database."""
    rows = session.execute(ids.add_columns(key)).all()
    return [id for id, _ in sorted(rows, key=lambda row: row[1])]


def batches(ids: Sequence, count: int = _AT_ONCE) -> Iterator[Sequence]:
    for first in range(0, len(ids), count):
        yield ids[first : first + count]
