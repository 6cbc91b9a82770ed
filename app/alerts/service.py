"""Everything that changes alert rules, and what they send."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access.tables import Workspace
from app.alerts.conditions import AGGREGATES, ENDPOINT_OCCASIONS, NOT_FINITE, OCCASIONS, OPERATORS, Line
from app.alerts.tables import AlertFiring, AlertRule, EndpointFiring
from app.endpoints import queries as endpoints
from app.endpoints.tables import OnlineEndpoint
from app.errors import Invalid
from app.experiments import queries as experiments
from app.jobs import queries as jobs
from app.jobs.tables import Job
from app.kit import crypto
from app.kit.clock import now
from app.notifications import mailing, posting
from app.notifications import service as notifications
from app.notifications.tables import Delivery
from app.tracking.search import narrow

MOST_MINUTES_OF_ENDPOINT = 110
"""What is measured in ten seconds is kept for two hours."""
LONGEST_NAME, MOST_EMAILS, MOST_COUNT, MOST_MINUTES = 200, 20, 1000, 7 * 24 * 60
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Cause(NamedTuple):
    """That a rule's occasion has come for a run, and why in one sentence."""

    rule_id: int
    job_id: int
    sentence: str


def create(session: Session, workspace_id: int, values: dict[str, Any], *, created_by: str) -> AlertRule:
    """A rule of the fields of `schemas.RuleCreate`; raises Invalid that names the field."""
    rule = AlertRule(workspace_id=workspace_id, created_by=created_by)
    _set(session, rule, values)
    session.add(rule)
    session.flush()
    return rule


def change(session: Session, rule: AlertRule, values: dict[str, Any]) -> None:
    """What is not in `values` stays."""
    with session.no_autoflush:
        _set(session, rule, values)
    rule.updated_at = now()
    session.flush()


def _set(session: Session, rule: AlertRule, values: dict[str, Any]) -> None:
    changed = dict(values)
    if "experiment" in changed:
        name = changed.pop("experiment")
        rule.experiment = _find(session, rule, "experiment", experiments.find_by_name, name)
    if "run" in changed:
        name = changed.pop("run")
        rule.job = _find(session, rule, "run", jobs.find, name)
    if "endpoint" in changed:
        name = changed.pop("endpoint")
        found = _find(session, rule, "endpoint", endpoints.find, name)
        rule.endpoint_name = found.name if found else None
    if "webhook_secret" in changed:
        secret = changed.pop("webhook_secret")
        rule.webhook_secret = crypto.encrypt(secret) if secret else None
    for field, value in changed.items():
        setattr(rule, field, value)
    _check(rule)


def _find(session: Session, rule: AlertRule, field: str, find: Callable, name: str | None) -> Any:
    found = find(session, rule.workspace_id, name) if name else None
    if name and found is None:
        raise Invalid(f"{field}: there is no {field} {name!r} in this workspace.", target=field)
    return found


def _check(rule: AlertRule) -> None:
    rule.name = rule.name.strip()
    if not 0 < len(rule.name) <= LONGEST_NAME:
        raise Invalid(f"name: an alert has a name of up to {LONGEST_NAME} characters.", target="name")
    _one_of("on", rule.on, (*OCCASIONS, *ENDPOINT_OCCASIONS))
    narrow(select(Job.id), rule.filter or "")
    if rule.on == "metric":
        _check_line(rule)
    if rule.on in ENDPOINT_OCCASIONS:
        _check_of_endpoint(rule)
    if rule.on == "stalled" and not 1 <= (rule.minutes or 0) <= MOST_MINUTES:
        raise Invalid(f"minutes: a run stalls after 1 to {MOST_MINUTES} minutes of silence.", target="minutes")
    _check_receivers(rule)


def _check_line(rule: AlertRule) -> None:
    if not rule.metric:
        raise Invalid("metric: say which metric, such as loss.", target="metric")
    _one_of("aggregate", rule.aggregate or "last", AGGREGATES)
    _one_of("operator", rule.operator or ">", OPERATORS)
    needs_threshold = rule.operator != NOT_FINITE
    if needs_threshold and (rule.threshold is None or not math.isfinite(rule.threshold)):
        raise Invalid("threshold: say which value the metric must cross, a number.", target="threshold")
    if not 1 <= (1 if rule.count is None else rule.count) <= MOST_COUNT:
        raise Invalid(f"count: the line is crossed 1 to {MOST_COUNT} times in a row.", target="count")


def _check_of_endpoint(rule: AlertRule) -> None:
    if not 1 <= (rule.minutes or 0) <= MOST_MINUTES_OF_ENDPOINT:
        message = f"minutes: an endpoint is looked at over the last 1 to {MOST_MINUTES_OF_ENDPOINT} minutes."
        raise Invalid(message, target="minutes")
    if rule.on != "endpoint_unready" and (rule.threshold is None or rule.threshold < 0):
        what = (
            "what share of requests may fail, in percent" if rule.on == "endpoint_errors" else "how many milliseconds"
        )
        raise Invalid(f"threshold: say {what}.", target="threshold")
    if not 1 <= (1 if rule.count is None else rule.count) <= MOST_COUNT:
        raise Invalid(f"count: 1 to {MOST_COUNT} requests are needed before it tells.", target="count")


def _one_of(field: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise Invalid(f"{field}: {value!r} is not one of {', '.join(known)}.", target=field)


def _check_receivers(rule: AlertRule) -> None:
    rule.emails = list(dict.fromkeys(rule.emails or []))
    if len(rule.emails) > MOST_EMAILS:
        raise Invalid(f"emails: an alert goes to up to {MOST_EMAILS} addresses.", target="emails")
    for address in rule.emails:
        mailing.check_address(address, "emails")
    if rule.webhook_url:
        allow_private = notifications.settings().webhooks_allow_private
        posting.check_url(rule.webhook_url, "webhook_url", allow_private=allow_private)
    elif not rule.emails:
        raise Invalid("emails: say where it goes: addresses of mail, a webhook_url, or both.", target="emails")


def describe(rule: AlertRule) -> str:
    """What a rule waits for, after "When"."""
    if rule.on == "endpoint_errors":
        return f"an endpoint fails more than {rule.threshold:g} % of its requests within {rule.minutes} minutes"
    if rule.on == "endpoint_slow":
        return (
            f"the 95th percentile of an endpoint's answers is over {rule.threshold:g} ms within {rule.minutes} minutes"
        )
    if rule.on == "endpoint_unready":
        return f"an endpoint has no instance that is ready for {rule.minutes} minutes"
    if rule.on == "metric":
        return f"a run logs that {line(rule).describe()}"
    if rule.on == "stalled":
        return f"a run says nothing for {rule.minutes} minutes"
    return f"a run {OCCASIONS[rule.on]}"


def line(rule: AlertRule) -> Line:
    return Line(rule.metric, rule.aggregate, rule.operator, rule.threshold, rule.count)


def remove(session: Session, rule: AlertRule) -> None:
    session.delete(rule)
    session.flush()


def fire(session: Session, rule: AlertRule, job: Job, sentence: str) -> bool:
    """Tell of a run, unless the rule has told of it already; whether it did now."""
    insert = _INSERT[session.get_bind().dialect.name](AlertFiring)
    first = insert.values(rule_id=rule.id, job_id=job.id, at=now()).on_conflict_do_nothing()
    if not session.execute(first).rowcount:
        return False
    address = notifications.link(job.workspace.name, f"/jobs/{job.name}")
    run = {
        "id": job.name,
        "name": job.display_name,
        "experiment": job.experiment.name,
        "status": str(job.status),
        "url": address,
    }
    _send(session, rule, f"run.{rule.on}", sentence, address, {"run": run})
    return True


def fire_of_endpoint(
    session: Session, rule: AlertRule, endpoint: OnlineEndpoint, deployment: str, sentence: str
) -> bool:
    """Tell of a deployment, unless what was told of it last still holds; whether it did now."""
    place = {"rule_id": rule.id, "endpoint_id": endpoint.id, "deployment": deployment}
    insert = _INSERT[session.get_bind().dialect.name](EndpointFiring)
    first = insert.values(**place, holds=True, times=1, at=now()).on_conflict_do_nothing()
    if session.scalar(first.returning(EndpointFiring.rule_id)) is None:
        again = update(EndpointFiring).filter_by(**place, holds=False)
        changed = again.values(holds=True, times=EndpointFiring.times + 1, at=now())
        if not session.execute(changed).rowcount:
            return False
    _send_of_endpoint(session, rule, endpoint, deployment, "", sentence)
    return True


def end_of_endpoint(
    session: Session, rule: AlertRule, endpoint: OnlineEndpoint, deployment: str, sentence: str
) -> bool:
    """Tell that what was told of a deployment is over; whether it was told now."""
    place = {"rule_id": rule.id, "endpoint_id": endpoint.id, "deployment": deployment}
    over = update(EndpointFiring).filter_by(**place, holds=True)
    if not session.execute(over.values(holds=False)).rowcount:
        return False
    if not rule.muted:
        _send_of_endpoint(session, rule, endpoint, deployment, ".over", sentence)
    return True


def _send_of_endpoint(
    session: Session, rule: AlertRule, endpoint: OnlineEndpoint, deployment: str, what: str, sentence: str
) -> None:
    address = notifications.link(_workspace(session, rule), f"/endpoints/{endpoint.name}/metrics")
    about = {"name": endpoint.name, "deployment": deployment or None, "url": address}
    event = f"endpoint.{rule.on.removeprefix('endpoint_')}{what}"
    _send(session, rule, event, sentence, address, {"endpoint": about})


def said(rule: AlertRule) -> dict:
    """A rule for the audit record, without what is secret."""
    hidden = {"id", "workspace_id", "webhook_url", "webhook_secret", "created_by", "created_at", "updated_at"}
    names = [column.key for column in AlertRule.__table__.columns if column.key not in hidden]
    return {name: value for name in names if (value := getattr(rule, name)) not in (None, "")}


def test(session: Session, rule: AlertRule) -> list[Delivery]:
    """Send what shows that the receivers of a rule are reached."""
    address = notifications.link(_workspace(session, rule), "/alerts")
    sentence = f"This is a test of the alert {rule.name}: it reaches you."
    return _send(session, rule, "test", sentence, address, {})


def _workspace(session: Session, rule: AlertRule) -> str:
    return session.get_one(Workspace, rule.workspace_id).name


def _send(session: Session, rule: AlertRule, event: str, sentence: str, address: str, more: dict) -> list[Delivery]:
    origin = {
        "workspace_id": rule.workspace_id,
        "source": "alert",
        "source_id": str(rule.id),
        "source_name": rule.name,
        "event": event,
        "reason": sentence,
        "about": address,
    }
    text = f"{sentence}\n\n{address}\n\nYou get this by the alert “{rule.name}” of {rule.created_by}.\n"
    sent = [notifications.mail(session, recipient, sentence[:200], text, **origin) for recipient in rule.emails]
    if rule.webhook_url:
        payload = {
            # What Slack and its kin show.
            "text": f"{sentence}\n{address}",
            "event": event,
            "timestamp": now().isoformat(),
            "cause": sentence,
            "url": address,
            "rule": {"id": rule.id, "name": rule.name, "on": rule.on},
            **more,
        }
        sent.append(notifications.post(session, rule.webhook_url, payload, secret=rule.webhook_secret, **origin))
    return sent
