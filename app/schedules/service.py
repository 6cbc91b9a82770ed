"""Everything that changes a schedule, and what happens when one is due."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import yaml as yaml_files
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import AtelierError, Invalid
from app.jobs.components import read_job
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.documents import read
from app.schedules import queries, submitting
from app.schedules.specification import ScheduleFile, load_schedule
from app.schedules.tables import Schedule, ScheduleRun
from app.schedules.triggers import Trigger, occurrences

# A minute's schedule that nobody looked after for two months.
_MOST_MISSED = 100_000
_JUST_BEFORE = timedelta(microseconds=1)
log = logging.getLogger(__name__)


def save(
    session: Session, caller: Caller, yaml: str, uploads: Mapping[str, str] | None = None
) -> tuple[Schedule, bool, tuple[str, ...]]:
    """Make a schedule, or change the one of that name; whether it is new, and warnings about its file.

    `uploads` has the text of the job file that it names, and where local paths were uploaded to. Its jobs are
    submitted as the one who saved it last; of one that is there, what was sent with it need not be sent again.
    Raises Invalid that says which field and line is wrong.
    """
    file = load_schedule(yaml)
    schedule = queries.find(session, caller.workspace.id, file.name)
    sent = uploads or (uploads_of(schedule) if schedule else {})
    source, changes, inner = _job(session, caller, file, dict(sent))
    is_new = schedule is None
    if is_new:
        schedule = Schedule(workspace_id=caller.workspace.id, name=file.name)
        schedule.created_at, schedule.is_enabled = now().replace(microsecond=0), True
        session.add(schedule)
    schedule.display_name = file.display_name or file.name
    schedule.description, schedule.tags, schedule.properties = file.description, file.tags, file.properties
    schedule.trigger = asdict(file.trigger)
    schedule.source_job, schedule.changes, schedule.uploads = source, changes, inner
    schedule.source_yaml, schedule.created_by, schedule.updated_at = yaml, caller.user.name, now()
    comes = _next(file.trigger, schedule.created_at, (schedule.created_at - _JUST_BEFORE) if is_new else now())
    if comes is None:
        raise Invalid("trigger: it is never due: its end is past, or no such day comes.", target="trigger")
    schedule.next_at = comes if schedule.is_enabled else None
    session.flush()
    return schedule, is_new, file.warnings


def _job(
    session: Session, caller: Caller, file: ScheduleFile, uploads: dict[str, str]
) -> tuple[str | None, dict[str, Any], dict[str, str]]:
    """What is submitted: the job of the server that is run again, what is changed or written out, and uploads."""
    if file.job and file.job.startswith("azureml:"):
        source = submitting.source_of(session, caller.workspace.id, file.job)
        submitting.check_changes(file.changes, source)
        return source.name, file.changes, {}
    if file.job:
        changes = _merged(_file(file.job, uploads), file.changes)
        prefix = f"{file.job}#"
        uploads = {path.removeprefix(prefix): text for path, text in uploads.items() if path != file.job}
    else:
        changes = file.changes
    changes = {key: value for key, value in changes.items() if key != "name"}
    text = yaml_files.safe_dump(submitting.evaluated(changes, file.name, now()), sort_keys=False, allow_unicode=True)
    try:
        read_job(session, caller.workspace.id, text, uploads)
    except AtelierError as error:
        raise type(error)(f"create_job: {error.message}", target="create_job", details=error.details) from error
    return None, changes, uploads


def _file(path: str, uploads: Mapping[str, str]) -> dict[str, Any]:
    if path not in uploads:
        raise Invalid(
            f"create_job: {path!r} is a file on your machine, which the server cannot read. `atelier schedule create "
            "-f FILE` sends it; or give its text in `uploads`, under the path as it is written.",
            target="create_job",
        )
    found = read(uploads[path], path).value
    if not isinstance(found, dict):
        raise Invalid(f"create_job: {path} is no job file, which is a mapping of fields.", target="create_job")
    return found


def _merged(under: Any, over: Any) -> Any:
    """Mappings joined at every depth; elsewhere what lies over wins."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}
    return over


def uploads_of(schedule: Schedule) -> dict[str, str]:
    """What its file needs to be saved again: the job file that it names, as it was sent, and where its paths are."""
    named = load_schedule(schedule.source_yaml).job
    if not named or named.startswith("azureml:"):
        return schedule.uploads
    text = yaml_files.safe_dump(schedule.changes, sort_keys=False, allow_unicode=True)
    return {named: text, **{f"{named}#{path}": address for path, address in schedule.uploads.items()}}


def _next(trigger: Trigger, created: datetime, after: datetime) -> datetime | None:
    return next(occurrences(trigger, created, after), None)


def enable(schedule: Schedule, enabled: bool) -> None:
    """One that is enabled again goes on from now; what it missed is not made up for."""
    schedule.is_enabled, schedule.updated_at = enabled, now()
    schedule.next_at = _next(schedule.when, schedule.created_at, now()) if enabled else None


def delete(session: Session, schedule: Schedule) -> None:
    """Its jobs stay."""
    session.delete(schedule)
    session.flush()


def trigger(session: Session, caller: Caller, schedule: Schedule) -> Job:
    """Submit its job now, whether it is enabled or not; raises what submitting raises."""
    at = now()
    job = submitting.submit(session, schedule, at)
    session.add(ScheduleRun(schedule_id=schedule.id, job_id=job.id, due_at=at, triggered_by=caller.user.name))
    session.flush()
    return job


def fire(session: Session, schedule_id: int, at: datetime) -> None:
    """Submit the job of a schedule that is due at `at`, once for all the times that have passed.

    Of workers that look at once, only the one whose update moves the schedule on submits the job, in the same
    transaction.
    """
    schedule = session.get(Schedule, schedule_id)
    if schedule is None or schedule.next_at is None or schedule.next_at > at:
        return
    first, last, missed = _passed(schedule, at)
    following = _next(schedule.when, schedule.created_at, at)
    due = update(Schedule).where(Schedule.id == schedule_id, Schedule.next_at == first, Schedule.is_enabled.is_(True))
    if not session.execute(due.values(next_at=following), execution_options={"synchronize_session": False}).rowcount:
        return
    session.refresh(schedule)
    run = ScheduleRun(schedule_id=schedule.id, due_at=last, missed=missed, missed_from=first if missed else None)
    try:
        with session.begin_nested():
            run.job_id = submitting.submit(session, schedule, last).id
    except AtelierError as error:
        log.warning("schedule %s: %s", schedule.name, error.message)
        run.error = error.message
    session.add(run)
    session.flush()


def _passed(schedule: Schedule, at: datetime) -> tuple[datetime, datetime, int]:
    """The first and the last time that were due until `at`, and how many came before the last."""
    first = last = schedule.next_at
    missed = 0
    for moment in occurrences(schedule.when, schedule.created_at, first):
        if moment > at or missed == _MOST_MISSED:
            break
        last, missed = moment, missed + 1
    return first, last, missed
