"""Finds the runs that a rule has to tell of: at their end, and by looking again and again at those that go on."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, not_, or_, select
from sqlalchemy.orm import Session

from app.alerts import queries, service
from app.alerts.conditions import ENDS, Progress
from app.alerts.service import Cause
from app.alerts.tables import AlertRule
from app.errors import Invalid
from app.jobs.events import JobFinished
from app.jobs.lifecycle import Status
from app.jobs.places import log_key
from app.jobs.tables import Job
from app.kit.clock import milliseconds, now
from app.kit.storage import store
from app.tracking import metrics
from app.tracking.tables import LatestMetric, MetricHead

RECENT = timedelta(minutes=10)
"""How long after its end a run is still looked at, so that its last points are not missed."""

_WORDS = {Status.FAILED: "failed", Status.CANCELED: "was canceled", Status.COMPLETED: "completed"}
log = logging.getLogger(__name__)


def on_job_finished(session: Session, event: JobFinished) -> None:
    """Within the transaction in which a run ends."""
    job = session.get_one(Job, event.job_id)
    message = (job.error or {}).get("message") if event.status is Status.FAILED else None
    sentence = f"The run {job.display_name} {_WORDS[event.status]}" + (f": {message}" if message else ".")
    for rule in queries.of_job(session, job, ENDS[event.status]):
        found = _scope(rule, select(Job.id).where(Job.id == job.id))
        if found is not None and session.scalar(found) is not None:
            service.fire(session, rule, job, sentence)


def _scope(rule: AlertRule, found: Select) -> Select | None:
    """None for a rule whose filter this release does not understand: it must not keep a run from ending."""
    try:
        return queries.in_scope(rule, found)
    except Invalid as error:
        log.warning("alert %s is left out: %s", rule.id, error.message)
        return None


class Watch:
    """What one worker remembers between two looks; whatever is lost with it is read again from the tables."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Look at everything anew: what was found last was not told."""
        self._rules: set[tuple[int, datetime]] = set()
        self._heads: dict[int, int] = {}
        self._progress: dict[tuple[int, datetime, int], Progress] = {}
        self._logs: dict[int, tuple[int, datetime]] = {}

    def look(self, session: Session) -> list[Cause]:
        return [*self._crossed(session), *self._stalled(session)]

    def _crossed(self, session: Session) -> Iterator[Cause]:
        """A rule that is known looks at the runs that logged since, a new one at all that go on."""
        rules = {(rule.id, rule.updated_at): rule for rule in queries.awake(session, "metric")}
        heads = _heads(session) if rules else {}
        grown = [job_id for job_id, position in heads.items() if position > self._heads.get(job_id, 0)]
        for key, rule in rules.items():
            for job_id, name in _candidates(session, rule, grown if key in self._rules else list(heads)):
                progress = self._progress.setdefault((*key, job_id), Progress())
                if sentence := _look(session, rule, job_id, name, heads[job_id], progress):
                    yield Cause(rule.id, job_id, sentence)
        self._rules, self._heads = set(rules), heads
        kept = {key: found for key, found in self._progress.items() if key[:2] in rules and key[2] in heads}
        self._progress = kept

    def _stalled(self, session: Session) -> Iterator[Cause]:
        logs: dict[int, tuple[int, datetime]] = {}
        for rule in queries.awake(session, "stalled"):
            since = now() - timedelta(minutes=rule.minutes)
            found = _silent(rule, since)
            for job in session.scalars(found) if found is not None else ():
                if job.command and self._printed_at(job, logs) > since:
                    continue
                done = "logged no metric and printed nothing" if job.command else "logged no metric"
                sentence = f"The run {job.display_name} {done} for {rule.minutes} minutes."
                yield Cause(rule.id, job.id, sentence)
        self._logs = logs

    def _printed_at(self, job: Job, logs: dict[int, tuple[int, datetime]]) -> datetime:
        """When the job's log was first seen as long as it is now."""
        size = store().size(log_key(job)) or 0
        known = self._logs.get(job.id)
        logs[job.id] = known if known and known[0] == size else (size, now() if size else job.started_at)
        return logs[job.id][1]


def _heads(session: Session) -> dict[int, int]:
    """The runs that go on or have just ended, each with its last position."""
    found = select(Job.id, MetricHead.position).join(MetricHead, MetricHead.job_id == Job.id)
    return dict(session.execute(queries.going_on(found, now() - RECENT)).all())


def _candidates(session: Session, rule: AlertRule, job_ids: list[int]) -> Iterator[tuple[int, str]]:
    """Those of some runs that a rule is about, with their names.

    Of the runs that were there before the rule, those that still log: not what was once forgotten as running.
    """
    found = select(Job.id, Job.display_name).join(
        LatestMetric, (LatestMetric.job_id == Job.id) & (LatestMetric.key == rule.metric)
    )
    alive = LatestMetric.timestamp >= milliseconds(rule.updated_at - RECENT)
    found = found.where(or_(alive, Job.created_at >= rule.updated_at, Job.id == rule.job_id))
    found = _scope(rule, queries.going_on(found, rule.updated_at))
    for first in range(0, len(job_ids) if found is not None else 0, 1000):
        yield from session.execute(found.where(Job.id.in_(job_ids[first : first + 1000]))).all()


def _look(session: Session, rule: AlertRule, job_id: int, name: str, position: int, progress: Progress) -> str | None:
    """What the points that came since the last look say, if they cross the rule's line."""
    if position <= progress.position:
        return None
    line = service.line(rule)
    series, reached = metrics.history_since(session, job_id, [rule.metric], progress.position)
    progress.position = max(position, reached)
    points = series.get(rule.metric)
    crossed = progress.look(line, points.steps, points.values) if points else None
    if crossed is None:
        return None
    value, step = crossed
    return f"In the run {name}, {line.describe()}: it is {value:g} at step {step}."


def _silent(rule: AlertRule, since: datetime) -> Select | None:
    """Runs that were going on at `since` and logged no metric after it, but did something not long before the rule."""
    running = select(Job).where(Job.status == Status.RUNNING, Job.started_at <= since, not_(_logged_after(since)))
    begin = rule.updated_at - timedelta(minutes=rule.minutes)
    alive = or_(Job.created_at >= begin, _logged_after(begin), Job.id == rule.job_id)
    return _scope(rule, running.where(alive))


def _logged_after(at: datetime) -> ColumnElement[bool]:
    return exists().where(LatestMetric.job_id == Job.id, LatestMetric.timestamp > milliseconds(at))


def tell(session: Session, causes: list[Cause]) -> None:
    for cause in causes:
        rule, job = session.get(AlertRule, cause.rule_id), session.get(Job, cause.job_id)
        if rule and job and not rule.muted:
            service.fire(session, rule, job, cause.sentence)
