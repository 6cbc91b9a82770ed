"""What can be done to many runs at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.experiments import queries as experiments
from app.experiments import service as experiment_service
from app.experiments.tables import Experiment
from app.jobs import service as jobs
from app.jobs.tables import Job
from app.runs import moving, removing
from app.runs.descent import jobs_of, with_descendants
from app.runs.schemas import Arguments
from app.tracking import names, runs, service

COPY, REMOVE = "copy", "remove"


@dataclass(frozen=True)
class Done:
    """What was done to a run, for the audit record."""

    name: str
    after: dict


def experiment_of(session: Session, workspace_id: int, arguments: Arguments) -> Experiment:
    """The experiment that runs go to; raises Invalid where none is named or it is deleted."""
    if not arguments.experiment.strip():
        raise Invalid("experiment: name the experiment that the runs shall go to.", target="experiment")
    found = experiments.get_by_name(session, workspace_id, arguments.experiment.strip())
    experiment_service.check_active(found)
    return found


def check(session: Session, workspace_id: int, action: str, arguments: Arguments) -> None:
    """Raise Invalid for an action that is not known or lacks what it needs, before anything is done."""
    if action not in (*ACTIONS, COPY):
        raise Invalid(f"action: {action!r} is not one of {', '.join([*ACTIONS, COPY])}.", target="action")
    if action in ("move", COPY):
        experiment_of(session, workspace_id, arguments)
    if action in ("tag", "untag"):
        names.check_key(arguments.key, "tag")
        names.check_value(arguments.key, arguments.value, "tag", names.LONGEST_TAG)
    if action == "rename" and not 0 < len(arguments.name.strip()) <= 255:
        raise Invalid("name: a run's name has 1 to 255 characters.", target="name")


def apply(
    session: Session, workspace_id: int, action: str, job_ids: Sequence[int], arguments: Arguments, before: int = 0
) -> list[Done]:
    """Do it to all of these runs or, by an exception, to none. `before` runs were done before these."""
    return ACTIONS[action](session, workspace_id, job_ids, arguments, before)


def _move(session, workspace_id, job_ids, arguments, _before) -> list[Done]:
    target = experiment_of(session, workspace_id, arguments)
    moved = moving.move(session, job_ids, target, children=arguments.children)
    return [Done(job.name, {"experiment": target.name}) for job in moved]


def _remove(session, _workspace_id, job_ids, arguments, _before) -> list[Done]:
    gone = removing.remove(session, job_ids, children=arguments.children)
    return [Done(name, {"deleted": "for good"}) for name in gone]


def _each(change: Callable[[Session, Job, Arguments, int], dict], *, below: bool = False):
    """An action that is the same for each run, those below included where `below` and the arguments say so."""

    def act(session, _workspace_id, job_ids, arguments, before) -> list[Done]:
        ids = with_descendants(session, job_ids) if below and arguments.children else job_ids
        found = enumerate(jobs_of(session, ids), start=before + 1)
        return [Done(job.name, change(session, job, arguments, number)) for number, job in found]

    return act


def _tag(session, job, arguments, _number) -> dict:
    runs.check_active(job)
    service.set_tags(session, job, [(arguments.key, arguments.value)])
    return {"tags": {arguments.key: arguments.value}}


def _untag(session, job, arguments, _number) -> dict:
    runs.check_active(job)
    if arguments.key in job.tag_map:
        service.delete_tag(session, job, arguments.key)
    return {"tags_removed": [arguments.key]}


def _rename(session, job, arguments, number) -> dict:
    runs.check_active(job)
    name = arguments.name.strip().replace("{name}", job.display_name).replace("{n}", str(number))
    service.set_tags(session, job, [(service.RUN_NAME, name)])
    return {"display_name": name}


def _archive(session, job, _arguments, _number) -> dict:
    jobs.change(session, job, archived=True)
    return {"archived": True}


def _unarchive(session, job, _arguments, _number) -> dict:
    jobs.change(session, job, archived=False)
    return {"archived": False}


def _delete(session, job, _arguments, _number) -> dict:
    service.delete_run(session, job)
    return {"lifecycle_stage": "deleted"}


def _restore(session, job, _arguments, _number) -> dict:
    if job.experiment.lifecycle_stage != "active":
        raise Invalid(
            f"names: the experiment {job.experiment.name!r} of the run {job.name} is deleted. Restore that first.",
            target="names",
        )
    if job.lifecycle_stage == "active":
        return _unarchive(session, job, _arguments, _number)
    service.restore_run(session, job)
    return {"lifecycle_stage": "active"}


def _cancel(session, job, _arguments, _number) -> dict:
    if not job.status.is_final:
        jobs.cancel(session, job)
    return {"status": job.status}


ACTIONS = {
    "move": _move,
    REMOVE: _remove,
    "tag": _each(_tag),
    "untag": _each(_untag),
    "rename": _each(_rename),
    "archive": _each(_archive),
    "unarchive": _each(_unarchive),
    "delete": _each(_delete, below=True),
    "restore": _each(_restore, below=True),
    "cancel": _each(_cancel),
}
"""By name; `copy` is not among them, as its files are copied before its rows: see `app.runs.copying`."""
