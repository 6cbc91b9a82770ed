"""The primary metrics of trials, of which each look reads only what is new."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from app.jobs.lifecycle import Status
from app.sweeps.policies import Course
from app.sweeps.queries import Result
from app.tracking import metrics
from app.tracking.metrics import Columns


class _Read:
    """What is known of one trial: its points up to a position, and whether no more will come."""

    def __init__(self) -> None:
        self.columns, self.position, self.is_whole = Columns.empty(), 0, False


class Courses:
    """What one worker remembers of open sweeps between two looks; what is lost with it is read again."""

    def __init__(self) -> None:
        self._sweeps: dict[int, dict[str, _Read]] = {}

    def keep_only(self, sweep_ids: Collection[int]) -> None:
        self._sweeps = {sweep: trials for sweep, trials in self._sweeps.items() if sweep in sweep_ids}

    def of(self, session: Session, sweep_id: int, metric: str, trials: Sequence[Result]) -> dict[int, Course]:
        """The courses of trials by their numbers."""
        known = self._sweeps.setdefault(sweep_id, {})
        return {trial.number: self._course(session, metric, trial, known) for trial in trials}

    def _course(self, session: Session, metric: str, trial: Result, known: dict[str, _Read]) -> Course:
        read = known.setdefault(trial.name, _Read())
        if not read.is_whole and trial.objective is not None:
            new, read.position = metrics.history_since(session, trial.id, [metric], read.position)
            for columns in new.values():
                for old, more in zip(read.columns, columns, strict=True):
                    old.extend(more)
            read.columns = _by_time(read.columns)
            read.is_whole = trial.status.is_final
        return Course(read.columns.values, trial.status is Status.RUNNING, trial.status is Status.COMPLETED)


def _by_time(columns: Columns) -> Columns:
    """By time and then step, and what a client sent twice once."""
    points = dict.fromkeys(zip(*columns, strict=True))
    ordered = sorted(points, key=lambda point: (point[1], point[0]))
    for column, values in zip(columns, zip(*ordered, strict=True), strict=False):
        column[:] = type(column)(column.typecode, values)
    return columns
