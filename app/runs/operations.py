"""Carries out an action on many runs, a few at a time: each step is a transaction, and what is done is never redone."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Exists, exists, or_, select, update
from sqlalchemy.orm import Session

from app.activity import service as activity
from app.database import reading, transaction
from app.errors import AtelierError
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.outbox import hint
from app.runs import actions, copying, removing, selection
from app.runs.actions import Done
from app.runs.schemas import Arguments
from app.runs.selection import Selection
from app.runs.tables import BulkOperation

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
STEP, COPIED_STEP = 100, 5
MOST_REFUSALS = 20


def run(operation_id: int) -> None:
    """Carry an operation out, unless another worker does."""
    if not _claim(operation_id):
        return
    try:
        while _step(operation_id):
            pass
    except Exception as error:
        _end(operation_id, "failed", f"{type(error).__name__}: {error}")
        raise


def unattended(session: Session) -> list[int]:
    """Operations that go on but that no worker holds."""
    return list(session.scalars(select(BulkOperation.id).where(*_unattended())))


def is_any_unattended() -> Exists:
    return exists().where(*_unattended())


def _unattended() -> tuple[ColumnElement[bool], ...]:
    free = or_(BulkOperation.lease_expires_at.is_(None), BulkOperation.lease_expires_at < now())
    return BulkOperation.status == "running", free, BulkOperation.created_at < now() - timedelta(seconds=5)


def _claim(operation_id: int) -> bool:
    free = or_(BulkOperation.lease_expires_at.is_(None), BulkOperation.lease_expires_at < now())
    where = [BulkOperation.id == operation_id, BulkOperation.status == "running", free]
    with transaction() as session:
        claimed = session.execute(update(BulkOperation).where(*where).values(lease_expires_at=now() + LEASE))
        return bool(claimed.rowcount)


def _step(operation_id: int) -> bool:
    """Do the next few; False when none are left."""
    with reading() as session:
        operation = session.get_one(BulkOperation, operation_id)
        if operation.status != "running":
            return False
        arguments, chosen = _wanted(operation)
        size = COPIED_STEP if operation.action == actions.COPY else STEP
        found = selection.matching(operation.workspace_id, chosen)
        ids = list(
            session.scalars(
                found.where(Job.id > operation.cursor, Job.id <= operation.upto).order_by(Job.id).limit(size)
            )
        )
        roots = ids
        if operation.action == actions.COPY and arguments.children:
            roots = selection.without_selected_parents(session, operation.workspace_id, chosen, ids)
    if not ids:
        return _finish(operation)
    if operation.action == actions.COPY:
        _copy(operation, ids, roots, arguments)
    else:
        _apply(operation, ids, arguments)
    return True


def _wanted(operation: BulkOperation) -> tuple[Arguments, Selection]:
    names = tuple(operation.arguments.get("names", ()))
    chosen = Selection(names, operation.query, operation.experiment_id)
    return Arguments.model_validate(operation.arguments), chosen


def _apply(operation: BulkOperation, ids: Sequence[int], arguments: Arguments) -> None:
    with transaction() as session:
        before = operation.done + operation.refused
        try:
            with session.begin_nested():
                done, refusals = _act(session, operation, ids, arguments, before), []
        except AtelierError:
            done, refusals = _one_by_one(session, operation, ids, arguments, before)
        _note(session, operation, done)
        _advance(session, operation, ids, refusals)


def _act(session: Session, operation: BulkOperation, ids, arguments: Arguments, before: int) -> list[Done]:
    return actions.apply(session, operation.workspace_id, operation.action, ids, arguments, before)


def _one_by_one(session, operation, ids, arguments, before: int) -> tuple[list[Done], list[str]]:
    done, refusals = [], []
    for number, id in enumerate(ids):
        if session.get(Job, id) is None:
            # It went with its parent.
            continue
        try:
            with session.begin_nested():
                done += _act(session, operation, [id], arguments, before + number)
        except AtelierError as error:
            refusals.append(error.message)
    return done, refusals


def _copy(operation: BulkOperation, ids: Sequence[int], roots: Sequence[int], arguments: Arguments) -> None:
    plans, refusals, copied = [], [], []
    for id in roots:
        try:
            with reading() as session:
                target = actions.experiment_of(session, operation.workspace_id, arguments)
                plans.append(copying.plan(session, [id], target, children=arguments.children))
            copying.copy_files(plans[-1])
        except AtelierError as error:
            refusals.append(error.message)
    with transaction() as session:
        for planned in plans:
            try:
                with session.begin_nested():
                    copied += copying.write(session, planned, operation.created_by)
            except AtelierError as error:
                refusals.append(error.message)
                copying.forget_files(planned)
        _note(session, operation, [Done(job.name, {"copied_from": job.tag_map[copying.ORIGIN]}) for job in copied])
        _advance(session, operation, ids, refusals)


def _note(session: Session, operation: BulkOperation, done: Sequence[Done]) -> None:
    """One audit record a step, which names every run."""
    if done:
        activity.record(
            session,
            operation.created_by,
            "jobs/write",
            workspace_id=operation.workspace_id,
            target_type="bulk-operations",
            target_name=str(operation.id),
            after={"action": operation.action, "runs": {one.name: one.after for one in done}},
        )


def _advance(session: Session, operation: BulkOperation, ids: Sequence[int], refusals: Sequence[str]) -> None:
    row = session.get_one(BulkOperation, operation.id)
    row.cursor = ids[-1]
    row.done += len(ids) - len(refusals)
    row.refused += len(refusals)
    row.refusals = [*row.refusals, *refusals][:MOST_REFUSALS]
    row.lease_expires_at = now() + LEASE
    hint(session, f"jobs:{row.workspace_id}", "jobs")


def _finish(operation: BulkOperation) -> bool:
    if operation.experiment_id is None or operation.refused:
        _end(operation.id, "done")
        return False
    with transaction() as session:
        experiment = session.get(Experiment, operation.experiment_id)
        if experiment is not None and experiment.lifecycle_stage == "deleted":
            removing.remove_experiment(session, experiment)
    _end(operation.id, "done")
    return False


def _end(operation_id: int, status: str, refusal: str | None = None) -> None:
    with transaction() as session:
        row = session.get_one(BulkOperation, operation_id)
        if row.status == "running":
            row.status, row.ended_at = status, now()
        if row.status == "done":
            # Runs that went with their parents were not met again.
            row.done = row.total - row.refused
        if refusal:
            log.warning("operation %s ended: %s", operation_id, refusal)
            row.refusals = [*row.refusals[: MOST_REFUSALS - 1], refusal]
        hint(session, f"jobs:{row.workspace_id}", "jobs")
