"""When a waiting job may start, estimated from how long like jobs ran."""

import heapq
from collections import Counter
from collections.abc import Sequence
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.lifecycle import Status
from app.jobs.tables import Job

REMEMBERED = 30
# How many experiments of waiting jobs are looked up; the others count as the mean of these.
MOST_EXPERIMENTS = 20


def start_after(slots: int, left: Sequence[float], ahead: Sequence[float]) -> float:
    """Seconds until the next of `slots` is free after all `ahead` have started, each running its seconds.

    `left` are the seconds that running jobs still take.
    """
    free = sorted([*left, *([0.0] * max(0, slots - len(left)))])[-slots:]
    heapq.heapify(free)
    for seconds in ahead:
        heapq.heapreplace(free, free[0] + seconds)
    return free[0]


class History:
    """How long jobs ran, asked once an experiment."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._runs: dict[int, list[tuple[str | None, float]]] = {}

    def of_experiments(self, counts: Counter[int]) -> dict[int, float]:
        """Median seconds of each; those without a completed job, and rare ones, have the median of the others."""
        known = {
            experiment: median(seconds for _, seconds in runs)
            for experiment, _ in counts.most_common(MOST_EXPERIMENTS)
            if (runs := self._of(experiment))
        }
        usual = median(known.values()) if known else None
        return {} if usual is None else {experiment: known.get(experiment, usual) for experiment in counts}

    def of(self, job: Job) -> float | None:
        """Median seconds of completed jobs of the same experiment, of those with the same command if there are any."""
        runs = self._of(job.experiment_id)
        alike = [seconds for command, seconds in runs if command == job.command] or [seconds for _, seconds in runs]
        return median(alike) if alike else None

    def _of(self, experiment_id: int) -> list[tuple[str | None, float]]:
        if experiment_id not in self._runs:
            ended = (
                select(Job.command, Job.started_at, Job.ended_at)
                .where(Job.experiment_id == experiment_id, Job.lifecycle_stage == "active")
                .where(Job.status == Status.COMPLETED, Job.type == "command")
                .where(Job.started_at.is_not(None), Job.ended_at.is_not(None))
                .order_by(Job.created_at.desc())
                .limit(REMEMBERED)
            )
            self._runs[experiment_id] = [
                (row.command, (row.ended_at - row.started_at).total_seconds()) for row in self._session.execute(ended)
            ]
        return self._runs[experiment_id]
