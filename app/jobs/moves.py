"""The only writer of a job's status."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Exists, exists, select, update
from sqlalchemy.orm import Session

from app.access import service as access
from app.errors import AtelierError, Conflict
from app.jobs import placing
from app.jobs.events import JobFinished
from app.jobs.lifecycle import BEFORE_START, FINAL, FOLLOWS, HELD, Status
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.events import publish
from app.kit.outbox import enqueue, hint

# How often a parallel step goes on after its worker was lost.
LOST_WORKERS = 3
_STAMPS = {Status.PREPARING: "preparing_at", Status.FINALIZING: "finalizing_at"}


def move(
    session: Session,
    job: Job,
    to: Status,
    *,
    among: set[Status] | None = None,
    held_by: tuple[int, int] | None = None,
    **changes,
) -> None:
    """A guarded update, so of two racing writers one wins; raises Conflict for the other.

    `among` narrows the states that the job may come from. `held_by` is the worker and the attempt
    that the caller believes to hold the job.
    """
    where = [Job.id == job.id, Job.status.in_(FOLLOWS[to] & (among or FOLLOWS[to]))]
    if held_by:
        where += [Job.worker_id == held_by[0], Job.attempt == held_by[1]]
    if to in _STAMPS:
        changes[_STAMPS[to]] = now()
    if to.is_final:
        changes = {"ended_at": now(), "lease_expires_at": None, **changes}
    _write(session, job, where, to, changes)
    if to.is_final:
        access.revoke_run_tokens(session, job.name)
        publish(session, JobFinished(job.id, job.parent_id, to))


def reopen(session: Session, job: Job) -> None:
    """Let a client go on with a run that it had ended; a job that a worker ran stays ended."""
    where = [Job.id == job.id, Job.status.in_(FINAL), Job.type == "run"]
    _write(session, job, where, Status.RUNNING, {"ended_at": None})


def restart(session: Session, job: Job) -> None:
    """Let a pipeline that failed or was canceled go on."""
    where = [Job.id == job.id, Job.status.in_((Status.FAILED, Status.CANCELED)), Job.type == "pipeline"]
    _write(session, job, where, Status.RUNNING, {"ended_at": None, "error": None})


def claim(session: Session, job: Job, worker_id: int, lease_seconds: float, devices: list[int]) -> bool:
    """Take a queued job for a worker, with these of its GPUs; False when it is no longer there to be taken."""
    held = {"worker_id": worker_id, "lease_expires_at": now() + timedelta(seconds=lease_seconds), "devices": devices}
    try:
        move(session, job, Status.PREPARING, attempt=Job.attempt + 1, **held)
    except Conflict:
        return False
    return True


def renew(session: Session, worker_id: int, job_ids: list[int], lease_seconds: float) -> None:
    lease = now() + timedelta(seconds=lease_seconds)
    session.execute(update(Job).where(Job.id.in_(job_ids), Job.worker_id == worker_id).values(lease_expires_at=lease))


def queue(session: Session, job: Job) -> None:
    """Put a job before the workers, for the first time or once more.

    Raises Invalid for one that no worker could ever run; a child of another job fails instead.
    """
    if job.queued_at is None:
        try:
            placing.apply(session, job)
        except AtelierError as error:
            if job.parent_id is None:
                raise
            move(session, job, Status.FAILED, error={"message": error.message, "detail": None})
            return
    move(session, job, Status.QUEUED, queued_at=now(), worker_id=None, lease_expires_at=None)
    enqueue(session, "jobs.run", job.id)


def fail(session: Session, job: Job, message: str, *, detail: str | None = None, held_by=None, **changes) -> None:
    """End a job with the cause in one sentence, or queue it again while its retries last."""
    if job.attempt and job.attempt <= job.max_retries and job.status in HELD:
        _queue_again(session, job, message, held_by)
        return
    error = {"message": message, "detail": detail}
    move(session, job, Status.FAILED, held_by=held_by, error=error, **changes)


def lose(session: Session, job: Job, message: str, *, detail: str | None = None, held_by=None) -> None:
    """End a job whose worker has gone. A parallel step is queued again, as it goes on after what is on record."""
    if "parallel" in (job.spec or {}) and 0 < job.attempt <= LOST_WORKERS and job.status in HELD:
        _queue_again(session, job, message, held_by)
        return
    fail(session, job, message, detail=detail, held_by=held_by)


def _queue_again(session: Session, job: Job, message: str, held_by) -> None:
    error = {"message": f"Attempt {job.attempt} failed: {message}", "detail": None}
    changes = {"queued_at": now(), "worker_id": None, "lease_expires_at": None, "error": error}
    move(session, job, Status.QUEUED, held_by=held_by, **changes)
    enqueue(session, "jobs.run", job.id)


def cancel(session: Session, job: Job) -> None:
    """Cancel at once what no worker holds; else ask the worker, which ends the process tree."""
    if job.status is Status.CANCEL_REQUESTED:
        return
    if job.type == "run":
        move(session, job, Status.CANCELED)
        return
    if job.status in BEFORE_START:
        try:
            move(session, job, Status.CANCELED, among=BEFORE_START)
            return
        except Conflict:
            # A worker took it just now.
            pass
    move(session, job, Status.CANCEL_REQUESTED)
    if job.type == "pipeline":
        enqueue(session, "pipelines.advance", job.id)


def settle(session: Session, job: Job, status: Status, ended_at: datetime | None) -> None:
    """The state of an imported run as it was elsewhere: nobody listens, as it happened before and not here."""
    _write(session, job, [Job.id == job.id], status, {"ended_at": ended_at})


def _write(session: Session, job: Job, where: list, to: Status, changes: dict) -> None:
    moved = session.scalar(
        update(Job).where(*where).values(status=to, **changes).returning(Job),
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    if moved is None:
        session.refresh(job)
        raise Conflict(f"Job {job.name} is {job.status} and cannot become {to}.", target=job.name)
    hint(session, f"job:{job.id}", "status")
    hint(session, f"jobs:{job.workspace_id}", "jobs")
    if job.parent_id:
        hint(session, f"job:{job.parent_id}", "children")


def lost(session: Session) -> list[Job]:
    """Jobs whose worker was silent for longer than its lease."""
    return list(session.scalars(select(Job).where(*_lost()).with_for_update(skip_locked=True)))


def is_any_lost() -> Exists:
    return exists().where(*_lost())


def _lost() -> tuple[ColumnElement[bool], ...]:
    return Job.status.in_([*HELD, Status.CANCEL_REQUESTED]), Job.lease_expires_at < now()
