"""Who uses what now: running and waiting jobs by user, experiment and queue."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.compute import queries
from app.compute.occupancy import TAKEN
from app.compute.tables import Queue, Worker
from app.experiments.tables import Experiment
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.paging import Page

OTHERS = "other workspaces"
MOST_ROWS = 20
MOST_RUNNING = 100


@dataclass
class Share:
    """What one user, experiment or queue has: slots and GPUs in use, running and waiting jobs."""

    name: str
    slots: int = 0
    gpus: int = 0
    running: int = 0
    waiting: int = 0


@dataclass
class Usage:
    workers: Sequence[Worker]
    queues: list[Queue]
    running: Sequence[Job]
    by_queue: dict[str, Share]
    by_user: list[Share] = field(default_factory=list)
    by_experiment: list[Share] = field(default_factory=list)

    @property
    def slots(self) -> int:
        return sum(worker.slots for worker in self.workers)

    @property
    def slots_in_use(self) -> int:
        return sum(share.slots for share in self.by_queue.values())

    @property
    def gpus(self) -> int:
        return sum(len(worker.gpus) for worker in self.workers)

    @property
    def gpus_in_use(self) -> int:
        return sum(share.gpus for share in self.by_queue.values())

    @property
    def waiting(self) -> int:
        return sum(share.waiting for share in self.by_queue.values())


@dataclass
class Limit:
    """How much of something is in use, of how much; None where nothing limits it."""

    name: str
    type: str
    used: int
    most: int | None


def limits(found: Usage) -> list[Limit]:
    """The slots and GPUs of all workers, then the slots of each queue."""
    shares = found.by_queue
    return [
        Limit("Slots of all workers", "workers", found.slots_in_use, found.slots),
        Limit("GPUs of all workers", "workers", found.gpus_in_use, found.gpus),
        *(
            Limit(f"Slots of queue {queue.name}", "queues", _slots(shares.get(queue.name)), queue.max_slots)
            for queue in found.queues
        ),
    ]


def _slots(share: Share | None) -> int:
    return share.slots if share else 0


def now(session: Session, workspace_id: int) -> Usage:
    """Of all workspaces, as they share the workers; what others run is counted and not named."""
    users, experiments, queues = (defaultdict[str, Share](lambda: Share("")) for _ in range(3))
    for row in session.execute(_groups()):
        is_own = row.workspace_id == workspace_id
        keys = (
            (queues, row.queue),
            (users, row.created_by if is_own else OTHERS),
            (experiments, row.experiment if is_own else OTHERS),
        )
        for shares, key in keys:
            _count(shares[key], key, row)
    held = select(Job).where(Job.workspace_id == workspace_id, Job.status.in_(TAKEN), Job.worker_id.is_not(None))
    running = held.options(joinedload(Job.experiment)).order_by(Job.started_at, Job.id).limit(MOST_RUNNING)
    return Usage(
        workers=queries.working(session),
        queues=queries.queues(session),
        running=session.scalars(running).all(),
        by_queue=dict(queues),
        by_user=_largest(users),
        by_experiment=_largest(experiments),
    )


def _groups():
    """One row a workspace, queue, user, experiment and kind of state."""
    is_waiting = Job.status == Status.QUEUED
    shown = (Status.QUEUED, *TAKEN)
    columns = (Job.workspace_id, Job.queue, Job.created_by, Experiment.name.label("experiment"))
    return (
        select(
            *columns,
            is_waiting.label("is_waiting"),
            func.count().label("jobs"),
            func.sum(Job.instances).label("slots"),
            func.sum(Job.instances * Job.gpus).label("gpus"),
        )
        .join(Experiment, Experiment.id == Job.experiment_id)
        .where(Job.status.in_(shown), is_waiting | Job.worker_id.is_not(None))
        .group_by(*columns, is_waiting)
    )


def _count(share: Share, name: str, row) -> None:
    share.name = name
    if row.is_waiting:
        share.waiting += row.jobs
    else:
        share.running += row.jobs
        share.slots += row.slots
        share.gpus += row.gpus


def _largest(shares: dict[str, Share]) -> list[Share]:
    return sorted(shares.values(), key=lambda share: (-share.slots, -share.waiting, share.name))[:MOST_ROWS]


def waiting_page(session: Session, workspace_id: int, *, queue: str = "", number: int = 1, size: int = 25) -> Page:
    """Waiting jobs of a workspace in the order in which they are taken, a queue after the other."""
    own = [Job.status == Status.QUEUED, Job.workspace_id == workspace_id, *([Job.queue == queue] if queue else [])]
    total = session.scalar(select(func.count()).select_from(Job).where(*own)) or 0
    ordered = select(Job).where(*own).order_by(Job.queue, Job.priority, Job.queued_at, Job.id)
    rows = ordered.options(joinedload(Job.experiment)).offset((number - 1) * size).limit(size)
    return Page(session.scalars(rows).all(), total, number, size)
