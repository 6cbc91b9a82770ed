"""What a sweep does next: decided anew from the tables at each look, so that nothing is lost with a process."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs import moves, results
from app.jobs.lifecycle import Status
from app.jobs.places import written_by
from app.jobs.tables import Job, JobTag
from app.kit.clock import now
from app.kit.outbox import hint
from app.sweeps import queries
from app.sweeps.courses import Courses
from app.sweeps.policies import to_stop
from app.sweeps.queries import Result
from app.sweeps.sampling import Known, Values, suggest
from app.tracking import service as tracking

_COPIED = (
    "workspace_id",
    "experiment_id",
    "created_by",
    "command",
    "code",
    "environment",
    "timeout_seconds",
    "max_retries",
)
# In one transaction, as who else writes to SQLite waits for its end.
MOST_STARTED = 50
log = logging.getLogger(__name__)


def advance(session: Session, sweep_id: int, courses: Courses) -> bool:
    """Stop, start and end what is due; whether there are more trials to start than were started now.

    Of two that look at once, one waits or fails on the trial's unique name.
    """
    sweep = session.scalar(select(Job).where(Job.id == sweep_id).with_for_update())
    if sweep is None or sweep.status not in (Status.RUNNING, Status.CANCEL_REQUESTED):
        return False
    trials = queries.results(session, sweep)
    reason, started = _reason_to_end(sweep), 0
    if reason:
        running = [trial for trial in trials if not trial.status.is_final]
        over = [_cancel(session, trial, reason) for trial in running]
        is_done = all(over)
    else:
        _stop_early(session, sweep, trials, courses)
        started = _start(session, sweep, trials)
        is_done = not started and all(trial.status.is_final for trial in trials)
    if is_done:
        _end(session, sweep, trials)
    return started == MOST_STARTED


def _reason_to_end(sweep: Job) -> str | None:
    if sweep.status is Status.CANCEL_REQUESTED:
        return "The sweep was canceled."
    timeout = sweep.spec["sweep"]["limits"].get("timeout")
    if timeout and now() - sweep.started_at > timedelta(seconds=timeout):
        return f"The sweep ran longer than its timeout of {timeout} seconds."
    return None


def _cancel(session: Session, trial: Result, reason: str) -> bool:
    """Whether the trial is over at once."""
    job = session.get_one(Job, trial.id)
    if not job.status.is_final and job.status is not Status.CANCEL_REQUESTED:
        job.error = {"message": reason, "detail": None}
        session.flush()
        moves.cancel(session, job)
    return job.status.is_final


def _stop_early(session: Session, sweep: Job, trials: Sequence[Result], courses: Courses) -> None:
    asked = sweep.spec["sweep"]
    policy, objective = asked.get("early_termination"), asked["objective"]
    if not policy or not any(trial.status is Status.RUNNING for trial in trials):
        return
    found = courses.of(session, sweep.id, objective["primary_metric"], trials)
    stopped = to_stop(policy, objective["goal"], found)
    for trial in trials:
        if trial.number in stopped:
            _cancel(session, trial, stopped[trial.number])


def _start(session: Session, sweep: Job, trials: Sequence[Result]) -> int:
    """Start trials, as many as may run beside those that do; how many were started."""
    asked = sweep.spec["sweep"]
    limits = asked["limits"]
    room = limits["max_concurrent_trials"] - sum(not trial.status.is_final for trial in trials)
    known = [Known(trial.values, trial.objective, trial.status.is_final) for trial in trials]
    for number in range(len(known), min(limits["max_total_trials"], len(known) + min(room, MOST_STARTED))):
        values = suggest(asked, sweep.name, number, known)
        if values is None:
            break
        _start_trial(session, sweep, number, values)
        known.append(Known(values, None, False))
    return len(known) - len(trials)


def _start_trial(session: Session, sweep: Job, number: int, values: Values) -> Job:
    """The name tells the number, and names are unique, so no trial is started twice."""
    name = f"{sweep.name}_{number}"
    inputs = {**sweep.inputs, **{port: {"value": value} for port, value in values.items()}}
    literals = {port: {"value": value} for port, value in values.items()}
    spec = {key: value for key, value in sweep.spec.items() if key not in ("sweep", "name", "display_name")}
    spec |= {"type": "command", "name": name, "parent_job_name": sweep.name}
    spec |= {"inputs": {**spec.get("inputs", {}), **literals}, "trial": {"number": number, "values": values}}
    outputs = {
        port: {key: item for key, item in output.items() if key not in ("name", "version", "path")}
        for port, output in sweep.outputs.items()
    }
    job = Job(
        **{field: getattr(sweep, field) for field in _COPIED},
        name=name,
        display_name=f"{sweep.display_name} {number}",
        parent_id=sweep.id,
        spec=spec,
        inputs=inputs,
        outputs=outputs,
        tags=[JobTag(key=tracking.PARENT, value=sweep.name)],
    )
    session.add(job)
    session.flush()
    tracking.log_params(session, job, [(key, str(value)) for key, value in values.items()])
    moves.queue(session, job)
    hint(session, f"job:{sweep.id}", "status")
    return job


def _end(session: Session, sweep: Job, trials: Sequence[Result]) -> None:
    if sweep.status is Status.CANCEL_REQUESTED:
        moves.move(session, sweep, Status.CANCELED)
        return
    best = queries.best(session, sweep)
    if best is None:
        moves.fail(session, sweep, _cause(session, sweep, trials))
        return
    metric = sweep.spec["sweep"]["objective"]["primary_metric"]
    sweep.properties = {**sweep.properties, "best_child_run_id": best.job.name, "score": str(best.objective)}
    # What the best trial wrote is what the sweep leaves, and lies where that one wrote it.
    sweep.outputs = {
        port: {**output, **written_by(best.job.name, best.job.outputs, port)} for port, output in sweep.outputs.items()
    }
    session.flush()
    tracking.log_params(session, sweep, [(key, str(value)) for key, value in best.values.items()])
    log.info("sweep %s: %s is best with %s %s", sweep.name, best.job.name, metric, best.objective)
    results.complete(session, sweep)


def _cause(session: Session, sweep: Job, trials: Sequence[Result]) -> str:
    """Why there is no best trial, in one sentence."""
    if reason := _reason_to_end(sweep):
        return f"{reason} No trial had completed."
    failed = next((trial for trial in trials if trial.status is Status.FAILED), None)
    if failed:
        message = (session.get_one(Job, failed.id).error or {}).get("message", "")
        return f"No trial completed; {failed.name} failed: {message}"
    if not any(trial.status is Status.COMPLETED for trial in trials):
        return "No trial completed; all were canceled."
    metric = sweep.spec["sweep"]["objective"]["primary_metric"]
    return f"No trial logged the primary metric {metric!r}; log it with mlflow.log_metric({metric!r}, …)."
