"""The job that a schedule submits: what it names, with its changes, and with the moment in its inputs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml
from sqlalchemy.orm import Session

from app.access import identity
from app.access.caller import Caller, WorkspaceRef
from app.errors import Forbidden, Invalid
from app.experiments import service as experiments
from app.jobs import queries, service
from app.jobs.permissions import WRITE
from app.jobs.specification import Input
from app.jobs.steps import found_input
from app.jobs.tables import Job, JobTag
from app.schedules.tables import Schedule

CHANGES = ("compute", "description", "display_name", "experiment_name", "inputs", "properties", "settings", "tags")
_PREFIX = "azureml:"


def submit(session: Session, schedule: Schedule, at: datetime) -> Job:
    """Submit the job as the one who made the schedule; raises Forbidden where they may no longer, and what
    submitting the job raises.
    """
    caller = _maker(session, schedule)
    name = _free_name(session, schedule, at)
    said = evaluated(schedule.changes, name, at)
    if schedule.source_job is None:
        text = yaml.safe_dump({**said, "name": name}, sort_keys=False, allow_unicode=True)
        job = service.submit(session, caller, text, schedule.uploads)
    else:
        source = source_of(session, schedule.workspace_id, schedule.source_job)
        job = service.resubmit(
            session, caller, source, name=name, change=lambda again: _change(session, again, said, name, at)
        )
    job.properties = {**job.properties, "schedule": schedule.name}
    return job


def source_of(session: Session, workspace_id: int, name: str) -> Job:
    """The job of the server that is run again; raises Invalid for one that cannot be."""
    job = queries.get(session, workspace_id, name.removeprefix(_PREFIX).partition(":")[0])
    if not job.source_yaml:
        raise Invalid(
            f"create_job: run {job.name} was logged from outside; there is nothing to run again.", target="create_job"
        )
    return job


def check_changes(changes: Mapping[str, Any], job: Job) -> None:
    """Raises Invalid for changes that a job which runs again does not take."""
    unknown = [key for key in changes if key not in CHANGES]
    if unknown:
        raise Invalid(
            f"create_job.{unknown[0]}: it cannot be changed in a job of the server; these can: {', '.join(CHANGES)}.",
            target=f"create_job.{unknown[0]}",
        )
    for field in ("inputs", "properties", "settings", "tags"):
        if not isinstance(changes.get(field) or {}, Mapping):
            raise Invalid(f"create_job.{field}: it must be a mapping.", target=f"create_job.{field}")
    known = sorted(job.inputs)
    for port in changes.get("inputs") or {}:
        if port not in known:
            raise Invalid(
                f"create_job.inputs.{port}: job {job.name} has no such input; it has {', '.join(known) or 'none'}.",
                target=f"create_job.inputs.{port}",
            )


def evaluated(value: Any, name: str, at: datetime) -> Any:
    """The job file with `${{name}}` and `${{creation_context.trigger_time}}` in its inputs evaluated."""
    if not isinstance(value.get("inputs"), Mapping):
        return dict(value)
    return {**value, "inputs": _evaluated(value["inputs"], name, at)}


def _evaluated(value: Any, name: str, at: datetime) -> Any:
    if isinstance(value, Mapping):
        return {key: _evaluated(item, name, at) for key, item in value.items()}
    if isinstance(value, list):
        return [_evaluated(item, name, at) for item in value]
    if not isinstance(value, str):
        return value
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.replace("${{creation_context.trigger_time}}", moment).replace("${{name}}", name)


def _maker(session: Session, schedule: Schedule) -> Caller:
    found = identity.on_behalf_of(session, schedule.created_by, f"schedule {schedule.name}")
    workspace = schedule.workspace
    ref = WorkspaceRef(workspace.id, workspace.name, workspace.display_name)
    caller = Caller(found, ref, found.actions_in(workspace.id)) if found else None
    if caller is None or not caller.can(WRITE.name):
        raise Forbidden(
            f"{schedule.created_by}, for whom the schedule submits its jobs, may not submit jobs any more. Save the "
            "schedule again as somebody who may."
        )
    return caller


def _free_name(session: Session, schedule: Schedule, at: datetime) -> str:
    name = wanted = f"{schedule.name[:200]}-{at:%Y%m%dT%H%M%SZ}"
    number = 1
    while queries.find(session, schedule.workspace_id, name):
        number += 1
        name = f"{wanted}-{number}"
    return name


def _change(session: Session, job: Job, said: Mapping[str, Any], name: str, at: datetime) -> None:
    job.inputs = _evaluated(job.inputs, name, at)
    given = {
        port: found_input(session, job.workspace_id, port, _input(port, value))
        for port, value in (said.get("inputs") or {}).items()
    }
    job.inputs = {**job.inputs, **given}
    for field in ("display_name", "description"):
        if said.get(field) is not None:
            setattr(job, field, str(said[field]))
    if experiment := said.get("experiment_name"):
        job.experiment_id = experiments.get_or_create(session, job.workspace_id, str(experiment)).id
    kept = {tag.key: tag.value for tag in job.tags}
    tags = {**kept, **{key: str(value) for key, value in (said.get("tags") or {}).items()}}
    job.tags = [JobTag(key=key, value=value) for key, value in tags.items()] if tags != kept else job.tags
    job.properties = {**job.properties, **{key: str(value) for key, value in (said.get("properties") or {}).items()}}
    spec = dict(job.spec)
    if compute := said.get("compute"):
        spec["compute"] = str(compute).removeprefix(_PREFIX)
    if (settings := said.get("settings")) and "pipeline" in spec:
        before = spec["pipeline"].get("settings") or {}
        spec["pipeline"] = {**spec["pipeline"], "settings": {**before, **settings}}
    job.spec = spec
    session.flush()


def _input(port: str, value: Any) -> Input:
    if not isinstance(value, Mapping):
        return Input(None, value)
    known = {key: value[key] for key in ("type", "value", "path", "mode") if value.get(key) is not None}
    if "path" not in known and "value" not in known:
        raise Invalid(
            f"create_job.inputs.{port}: it has neither `path` nor `value`.", target=f"create_job.inputs.{port}"
        )
    return Input(**{"type": "uri_folder" if "path" in known else None, **known})
