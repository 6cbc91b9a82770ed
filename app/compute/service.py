"""Workers join, report and leave; computes and queues are made and changed."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.compute import queries
from app.compute.specification import NAME, RULE, ComputeSpec
from app.compute.tables import DEFAULT_QUEUE, Compute, JobNode, Queue, Worker
from app.errors import Conflict, Invalid
from app.jobs.lifecycle import BEFORE_START
from app.jobs.tables import Job
from app.kit.clock import now

SILENT = timedelta(seconds=60)


def join(session: Session, **facts) -> Worker:
    worker = Worker(**facts)
    session.add(worker)
    session.flush()
    return worker


def report(session: Session, worker_id: int, usage: dict) -> None:
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(heartbeat_at=now(), usage=usage, stopped_at=None)
    )


def renew(session: Session, worker_id: int, lease_seconds: float) -> None:
    """Say that this worker still runs its instances of jobs."""
    own = (JobNode.worker_id == worker_id, JobNode.state != "ended")
    session.execute(update(JobNode).where(*own).values(lease_expires_at=now() + timedelta(seconds=lease_seconds)))


def leave(session: Session, worker_id: int) -> None:
    session.execute(update(Worker).where(Worker.id == worker_id).values(stopped_at=now()))


def forget_silent(session: Session) -> None:
    """Mark workers stopped that were not heard of for a minute."""
    silent = [Worker.stopped_at.is_(None), Worker.heartbeat_at < now() - SILENT]
    session.execute(update(Worker).where(*silent).values(stopped_at=now()))


def put_compute(session: Session, workspace_id: int, spec: ComputeSpec, *, created_by: str) -> tuple[Compute, bool]:
    """Make a compute, or change the one of this name, as Azure ML does; whether it was made."""
    if spec.queue:
        queries.get_queue(session, spec.queue)
    found = queries.find_compute(session, workspace_id, spec.name)
    made = found or Compute(workspace_id=workspace_id, name=spec.name, created_by=created_by)
    made.type, made.description, made.queue = spec.type, spec.description, spec.queue
    made.min_instances, made.max_instances = spec.min_instances, spec.max_instances
    made.tags, made.spec = dict(spec.tags), dict(spec.rest)
    session.add(made)
    session.flush()
    return made, found is None


def change_compute(session: Session, compute: Compute, changes: dict) -> None:
    """Raises Invalid for a limit below 1, one below the least, or a queue that there is not."""
    least = changes.get("min_instances", compute.min_instances)
    most = changes.get("max_instances", compute.max_instances)
    if most is not None and (most < 1 or most < least):
        raise Invalid(
            f"max_instances: is {most}; it must be at least 1 and min_instances, {least}.", target="max_instances"
        )
    if changes.get("queue"):
        queries.get_queue(session, changes["queue"])
    for name, value in changes.items():
        setattr(compute, name, value)
    session.flush()


def stop_compute(session: Session, compute: Compute) -> None:
    """None of its jobs starts until it is started again; those that run end by themselves."""
    compute.stopped_at = compute.stopped_at or now()
    session.flush()


def start_compute(session: Session, compute: Compute) -> None:
    compute.stopped_at = None
    session.flush()


def delete_compute(session: Session, compute: Compute) -> None:
    """What waits for it goes on without its limit, as jobs do that name an unknown compute."""
    waiting = [Job.workspace_id == compute.workspace_id, Job.compute == compute.name, Job.status.in_(BEFORE_START)]
    session.execute(update(Job).where(*waiting).values(compute=None))
    session.delete(compute)
    session.flush()


def put_queue(session: Session, name: str, changes: dict) -> Queue:
    """Make a queue, or change its weight, limit or description."""
    if not NAME.fullmatch(name):
        raise Invalid(f"name: {name!r} is no name of a queue; {RULE}.", target="name")
    for field in ("weight", "max_slots"):
        if changes.get(field) is not None and changes[field] < 1:
            raise Invalid(f"{field}: is {changes[field]}; it must be 1 or more.", target=field)
    queue = queries.find_queue(session, name) or Queue(name=name, weight=1)
    for field, value in changes.items():
        setattr(queue, field, value)
    session.add(queue)
    session.flush()
    return queue


def delete_queue(session: Session, queue: Queue) -> None:
    """Its jobs and computes go over to the default queue."""
    if queue.name == DEFAULT_QUEUE:
        raise Conflict(f"Queue {queue.name} cannot be deleted: jobs that name none are in it.", target="name")
    waiting = (Job.queue == queue.name, Job.status.in_(BEFORE_START))
    session.execute(update(Job).where(*waiting).values(queue=DEFAULT_QUEUE))
    session.execute(update(Compute).where(Compute.queue == queue.name).values(queue=None))
    session.delete(queue)
    session.flush()
