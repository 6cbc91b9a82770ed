"""Schedules as Azure's clients send them and read them back: the Schedule resource of 2024-01-01-preview."""

from collections.abc import Mapping
from typing import Any

import yaml
from sqlalchemy.orm import Session

from app.dialects.arm import job_shapes
from app.dialects.arm.job_documents import document_of as job_document
from app.dialects.arm.job_parts import FindCode, name_of
from app.dialects.arm.wire import fields, mapping, pascal, said, wire
from app.errors import AtelierError, Invalid
from app.experiments.tables import Experiment
from app.jobs import queries as jobs
from app.jobs.components import read_job
from app.jobs.lifecycle import Status
from app.jobs.tables import Job, JobTag
from app.schedules.submitting import CHANGES
from app.schedules.tables import Schedule

ACTION = "CreateJob"


def document_of(name: str, sent: Mapping[str, Any], find_code: FindCode) -> dict[str, Any]:
    """A schedule as its file would say it; raises Invalid for one that does not submit a job."""
    asked = mapping(sent, "properties", "body")
    found = {
        "name": name,
        "display_name": asked.get("displayName"),
        "description": asked.get("description"),
        "tags": mapping(asked, "tags"),
        "properties": mapping(asked, "properties"),
        "trigger": _trigger(mapping(asked, "trigger")),
        "create_job": _create_job(mapping(asked, "action"), find_code),
    }
    return said(found)


def _trigger(asked: Mapping) -> dict[str, Any]:
    kind = str(asked.get("triggerType", "")).lower()
    found = fields(asked, without=["triggerType", "schedule"]) | {"type": kind}
    if frequency := asked.get("frequency"):
        found["frequency"] = str(frequency).lower()
    if pattern := mapping(asked, "schedule", "properties.trigger"):
        found["schedule"] = fields(pattern, without=["weekDays"])
        if days := pattern.get("weekDays"):
            found["schedule"]["week_days"] = [str(day).lower() for day in days]
    return found


def _create_job(action: Mapping, find_code: FindCode) -> Any:
    if action.get("actionType") != ACTION:
        raise Invalid(
            f"properties.action.actionType: {action.get('actionType')!r} is not run here; it must be {ACTION}.",
            target="properties.action.actionType",
        )
    definition = mapping(action, "jobDefinition", "properties.action")
    job = job_document("", {"properties": definition}, find_code)
    source = definition.get("sourceJobId")
    if not source:
        return {key: value for key, value in job.items() if key != "name"}
    changes = {key: job[key] for key in CHANGES if key in job and key != "properties"}
    return {"job": f"azureml:{name_of(source)}", **changes}


def properties_of(session: Session, schedule: Schedule, scope: str, page: str) -> dict[str, Any]:
    """`scope` is the resource id of the workspace, `page` the address at which a browser shows the schedule."""
    return {
        "displayName": schedule.display_name,
        "description": schedule.description,
        "tags": schedule.tags,
        "properties": schedule.properties,
        "isEnabled": schedule.is_enabled,
        "provisioningState": "Succeeded",
        "trigger": _trigger_shown(schedule),
        "action": {"actionType": ACTION, "jobDefinition": _definition(session, schedule, scope, page)},
    }


def _trigger_shown(schedule: Schedule) -> dict[str, Any]:
    when = schedule.when
    times = {"startTime": when.start, "endTime": when.end, "timeZone": when.time_zone}
    if when.type == "cron":
        return {"triggerType": "Cron", "expression": when.expression, **times}
    pattern = {name: list(getattr(when, name)) for name in ("hours", "minutes", "week_days", "month_days")}
    pattern["week_days"] = [pascal(day) for day in pattern["week_days"]]
    shown = {"triggerType": "Recurrence", "frequency": pascal(when.frequency or ""), "interval": when.interval, **times}
    return shown | {"schedule": wire({name: value for name, value in pattern.items() if value})}


def _definition(session: Session, schedule: Schedule, scope: str, page: str) -> dict[str, Any]:
    """What is submitted. A job of the server that is gone, or a file that cannot be read any more, is told by name."""
    if schedule.source_job is None:
        return _of_file(session, schedule, scope, page)
    name = name_of(schedule.source_job.partition("@")[0])
    source = {"sourceJobId": f"{scope}/jobs/{name}"}
    job = jobs.find(session, schedule.workspace_id, name or "")
    return (job_shapes.properties_of(job, scope, page) if job else {"jobType": "Pipeline"}) | source


def _of_file(session: Session, schedule: Schedule, scope: str, page: str) -> dict[str, Any]:
    text = yaml.safe_dump(schedule.changes, sort_keys=False, allow_unicode=True)
    try:
        spec = read_job(session, schedule.workspace_id, text, schedule.uploads)
    except AtelierError as error:
        return {"jobType": "Pipeline", "description": error.message, "jobs": {}}
    job = Job(
        name=schedule.name,
        display_name=spec.display_name or schedule.display_name,
        description=spec.description or "",
        status=Status.NOT_STARTED,
        lifecycle_stage="active",
        archived=False,
        type=spec.type,
        properties=dict(spec.properties),
        spec=spec.to_dict(),
        command=spec.command,
        code=spec.code,
        inputs={port: value.to_dict() for port, value in spec.inputs.items()},
        outputs={port: value.to_dict() for port, value in spec.outputs.items()},
        timeout_seconds=spec.timeout_seconds,
        tags=[JobTag(key=key, value=str(value)) for key, value in spec.tags.items()],
    )
    job.experiment = Experiment(name=spec.experiment_name or "Default")
    return job_shapes.properties_of(job, scope, page)
