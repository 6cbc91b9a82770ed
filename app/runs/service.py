"""Starts actions on runs: on a few within the request, on many by a worker."""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import note
from app.database import reading
from app.errors import NotFound
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.outbox import enqueue, hint
from app.runs import actions, copying, removing, selection
from app.runs.descent import with_descendants
from app.runs.schemas import Arguments
from app.runs.selection import MOST_NAMED, Selection
from app.runs.tables import BulkOperation

COPIED_AT_ONCE = 20


@dataclass(frozen=True)
class Outcome:
    """`names` are the runs that changed, or the new ones; with `operation` a worker goes on with it."""

    names: list[str]
    operation: BulkOperation | None = None


def act(session: Session, caller: Caller, action: str, chosen: Selection, arguments: Arguments) -> Outcome:
    """Do something to runs: at once and to all or none where they are few, else by a worker.

    The session must not have been used yet: files are copied before its transaction begins.
    Raises NotFound, Invalid or Conflict for the first run to which it cannot be done.
    """
    workspace_id = caller.workspace.id
    with reading() as reader:
        actions.check(reader, workspace_id, action, arguments)
        ids = _first(reader, workspace_id, chosen)
        affected = with_descendants(reader, ids) if arguments.children else ids
        total = selection.count(reader, workspace_id, chosen) if len(ids) > MOST_NAMED else len(ids)
    if len(affected) > (COPIED_AT_ONCE if action == actions.COPY else MOST_NAMED):
        return Outcome([], start(session, caller, action, chosen, arguments, total))
    if action == actions.COPY:
        return _copy(session, caller, ids, arguments)
    done = actions.apply(session, workspace_id, action, ids, arguments)
    for one in done:
        note(session, "jobs", one.name, after=one.after)
    return Outcome([one.name for one in done])


def _first(session: Session, workspace_id: int, chosen: Selection) -> list[int]:
    """The selected runs, or as many of them as say that they are too many for a request."""
    if chosen.names:
        return selection.named(session, workspace_id, chosen.names)
    return list(session.scalars(selection.matching(workspace_id, chosen).limit(MOST_NAMED + 1)))


def _copy(session: Session, caller: Caller, job_ids: list[int], arguments: Arguments) -> Outcome:
    with reading() as reader:
        target = actions.experiment_of(reader, caller.workspace.id, arguments)
        planned = copying.plan(reader, job_ids, target, children=arguments.children)
    copying.copy_files(planned)
    try:
        made = copying.write(session, planned, caller.user.name)
    except Exception:
        copying.forget_files(planned)
        raise
    for job in made:
        note(session, "jobs", job.name, after={"copied_from": job.tag_map[copying.ORIGIN]})
    return Outcome([job.name for job in made])


def start(
    session: Session, caller: Caller, action: str, chosen: Selection, arguments: Arguments, total: int
) -> BulkOperation:
    """Leave an action to the workers."""
    given = arguments.model_dump() | ({"names": list(chosen.names)} if chosen.names else {})
    made = BulkOperation(
        workspace_id=caller.workspace.id,
        action=action,
        arguments=given,
        query=chosen.query,
        experiment_id=chosen.experiment_id,
        total=total,
        upto=session.scalar(select(func.max(Job.id)).where(Job.workspace_id == caller.workspace.id)) or 0,
        created_by=caller.user.name,
    )
    session.add(made)
    session.flush()
    enqueue(session, "runs.bulk", made.id)
    after = {"action": action, "runs": total, "query": chosen.query, "arguments": given}
    note(session, "bulk-operations", str(made.id), after=after)
    hint(session, f"jobs:{made.workspace_id}", "jobs")
    return made


def remove_experiment(session: Session, caller: Caller, experiment: Experiment) -> BulkOperation | None:
    """Delete an experiment and its runs for good: at once, or by a worker where they are many."""
    removing.check_removable(experiment)
    chosen = Selection(experiment_id=experiment.id)
    total = selection.count(session, caller.workspace.id, chosen)
    note(session, "experiments", experiment.name, after={"deleted": "for good", "runs": total})
    if total > MOST_NAMED:
        return start(session, caller, actions.REMOVE, chosen, Arguments(children=False), total)
    removing.remove(session, list(session.scalars(selection.matching(caller.workspace.id, chosen))), children=False)
    removing.remove_experiment(session, experiment)
    return None


def get(session: Session, workspace_id: int, id: int) -> BulkOperation:
    found = session.get(BulkOperation, id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound(f"There is no operation {id} in this workspace.", target="id")
    return found


def recent(session: Session, workspace_id: int, since) -> list[BulkOperation]:
    """Those that go on or ended since a time, the newest first."""
    found = select(BulkOperation).where(BulkOperation.workspace_id == workspace_id)
    found = found.where((BulkOperation.status == "running") | (BulkOperation.ended_at > since))
    return list(session.scalars(found.order_by(BulkOperation.id.desc()).limit(5)))


def stop(session: Session, operation: BulkOperation) -> None:
    """What was done stays done; the rest is left as it is."""
    where = [BulkOperation.id == operation.id, BulkOperation.status == "running"]
    session.execute(
        update(BulkOperation).where(*where).values(status="stopped", ended_at=now()),
        execution_options={"synchronize_session": False},
    )
    session.refresh(operation)
    hint(session, f"jobs:{operation.workspace_id}", "jobs")
