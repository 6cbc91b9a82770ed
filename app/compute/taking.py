"""Which job a worker takes next: the order of queues and jobs, limits, and all instances of a job or none."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, not_, or_, select, true
from sqlalchemy.orm import Session

from app.compute import queries
from app.compute.occupancy import Occupancy
from app.compute.occupancy import now as occupancy_now
from app.compute.placement import instances_on
from app.compute.tables import Compute, JobNode, Queue, Worker
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.clock import now

# How many jobs, each of which no worker can run as it asks, are passed over at one look.
MOST_PASSED = 50


def take(session: Session, worker_id: int, lease_seconds: float) -> Job | None:
    """Claim the next job for a worker; None where nothing waits that it may run now.

    Workers choose one after the other, as each choice counts what the others have taken.
    """
    # On SQLite a transaction that writes is alone anyway.
    workers = session.scalars(
        select(Worker).where(Worker.stopped_at.is_(None)).order_by(Worker.id).with_for_update()
    ).all()
    mine = next((worker for worker in workers if worker.id == worker_id), None)
    used = occupancy_now(session)
    if mine is None or not used.free_slots(mine):
        return None
    for queue in in_turn(queries.queues(session), used):
        job, nodes = _first(session, queue, mine, workers, used)
        if job is None:
            continue
        return job if nodes and _claim(session, job, nodes, lease_seconds) else None
    return None


def in_turn(queues: Sequence[Queue], used: Occupancy) -> list[Queue]:
    """The queues that may take a slot now, first the one that has least of its share."""
    open_ones = [queue for queue in queues if queue.max_slots is None or used.queues[queue.name] < queue.max_slots]
    return sorted(open_ones, key=lambda queue: (used.queues[queue.name] / queue.weight, -queue.weight, queue.name))


def _first(
    session: Session, queue: Queue, mine: Worker, workers: Sequence[Worker], used: Occupancy
) -> tuple[Job | None, list[tuple[Worker, list[int]]]]:
    """The first job of a queue that this worker can run, with the worker and GPUs of each instance.

    One that could run here, but not at this moment, keeps its place: with no instances in the answer, this worker
    takes nothing; one that waits for GPUs lets those that ask for none go before.
    """
    may_wait = [Job.status == Status.QUEUED, Job.queue == queue.name, *_within_limits(session, queue, used)]
    passed: list[int] = []
    most_gpus = len(mine.gpus)
    for _ in range(MOST_PASSED):
        asks = [Job.gpus <= most_gpus, or_(Job.memory_bytes.is_(None), Job.memory_bytes <= mine.memory_bytes)]
        found = select(Job).where(*may_wait, *asks, Job.id.not_in(passed))
        job = session.scalar(found.order_by(Job.priority, Job.queued_at, Job.id).limit(1))
        if job is None:
            return None, []
        nodes = place_nodes(job, mine, workers, used)
        if nodes:
            return job, nodes
        everywhere = sum(instances_on(worker, job.gpus, job.memory_bytes) for worker in workers)
        if everywhere < job.instances:
            passed.append(job.id)
        elif job.gpus:
            most_gpus = 0
        else:
            return job, []
    return None, []


def _within_limits(session: Session, queue: Queue, used: Occupancy) -> list[ColumnElement[bool]]:
    found = []
    if queue.max_slots is not None:
        found.append(Job.instances <= queue.max_slots - used.queues[queue.name])
    limiting = or_(Compute.max_instances.is_not(None), Compute.stopped_at.is_not(None))
    limited = session.scalars(select(Compute).where(limiting)).all()
    full = [
        and_(
            Job.workspace_id == compute.workspace_id,
            Job.compute == compute.name,
            true() if compute.stopped_at else Job.instances > compute.max_instances - in_use,
        )
        for compute in limited
        if (in_use := used.computes[compute.workspace_id, compute.name]) or compute.stopped_at
    ]
    return [*found, or_(Job.compute.is_(None), not_(or_(*full)))] if full else found


def place_nodes(job: Job, mine: Worker, workers: Sequence[Worker], used: Occupancy) -> list[tuple[Worker, list[int]]]:
    """A worker and GPUs for each instance, the first on `mine`, spread over as many workers as there are; else []."""
    room = {worker.id: used.fits(worker, job.gpus, job.memory_bytes) for worker in workers}
    if not room.get(mine.id) or sum(room.values()) < job.instances:
        return []
    free = {worker.id: used.free_devices(worker) for worker in workers}
    others = sorted((worker for worker in workers if worker.id != mine.id), key=lambda worker: -room[worker.id])
    placed: list[tuple[Worker, list[int]]] = []
    while len(placed) < job.instances:
        for worker in (mine, *others):
            if room[worker.id] and len(placed) < job.instances:
                room[worker.id] -= 1
                devices, free[worker.id] = free[worker.id][: job.gpus], free[worker.id][job.gpus :]
                placed.append((worker, devices))
    return placed


def _claim(session: Session, job: Job, nodes: list[tuple[Worker, list[int]]], lease_seconds: float) -> bool:
    (first, devices), *_ = nodes
    if not moves.claim(session, job, first.id, lease_seconds, devices):
        return False
    if job.instances > 1:
        session.execute(delete(JobNode).where(JobNode.job_id == job.id))
        lease = now() + timedelta(seconds=lease_seconds)
        session.add_all(
            JobNode(
                job_id=job.id, rank=rank, attempt=job.attempt, worker_id=worker.id, devices=held, lease_expires_at=lease
            )
            for rank, (worker, held) in enumerate(nodes)
        )
        session.flush()
    return True
