"""Finds the deployments that a rule has to tell of, by what was measured of them and by how their instances are."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.alerts import queries, service
from app.alerts.conditions import ENDPOINT_OCCASIONS
from app.alerts.tables import AlertRule, EndpointFiring
from app.endpoints.metrics import queries as metrics
from app.endpoints.metrics import tally as tallies
from app.endpoints.metrics.tally import Tally
from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint
from app.kit.clock import now

UNREADY = "endpoint_unready"


class EndpointCause(NamedTuple):
    """That what a rule waits for holds for a deployment, and why in one sentence."""

    rule_id: int
    endpoint_id: int
    deployment: str
    sentence: str


class EndpointWatch:
    """What one worker remembers between two looks: since when deployments have had no instance that is ready."""

    def __init__(self) -> None:
        self._unready: dict[int, datetime] = {}

    def look(self, session: Session) -> tuple[list[AlertRule], list[EndpointCause]]:
        """The rules that were looked at, and what holds for them."""
        rules = list(queries.awake(session, *ENDPOINT_OCCASIONS))
        unready = self._without_instance(session) if any(rule.on == UNREADY for rule in rules) else []
        causes = [cause for rule in rules if rule.on == UNREADY for cause in self._of_unready(rule, unready)]
        for rule in rules:
            if rule.on != UNREADY:
                causes += _measured(session, rule)
        return rules, causes

    def _without_instance(self, session: Session) -> Sequence[OnlineDeployment]:
        ready = exists().where(
            DeploymentInstance.deployment_id == OnlineDeployment.id, DeploymentInstance.state == "Ready"
        )
        wanted = select(OnlineDeployment).where(OnlineDeployment.instance_count > 0, ~ready)
        found = session.scalars(wanted).all()
        self._unready = {one.id: self._unready.get(one.id, now()) for one in found}
        return found

    def _of_unready(self, rule: AlertRule, unready: Sequence[OnlineDeployment]) -> Iterator[EndpointCause]:
        for deployment in unready:
            endpoint = deployment.endpoint
            late = now() - self._unready[deployment.id] >= timedelta(minutes=rule.minutes)
            if late and endpoint.workspace_id == rule.workspace_id and rule.endpoint_name in (None, endpoint.name):
                why = f": {deployment.error}" if deployment.error else "."
                subject = _subject(endpoint, deployment.name)
                sentence = f"{subject} has had no instance that is ready for {rule.minutes} minutes{why}"
                yield EndpointCause(rule.id, endpoint.id, deployment.name, sentence)


def _measured(session: Session, rule: AlertRule) -> Iterator[EndpointCause]:
    found = select(OnlineEndpoint).where(OnlineEndpoint.workspace_id == rule.workspace_id)
    if rule.endpoint_name is not None:
        found = found.where(OnlineEndpoint.name == rule.endpoint_name)
    for endpoint in session.scalars(found):
        window = metrics.Window.last(rule.minutes * 60)
        for name, by_time in metrics.rows(session, endpoint, window).items():
            tally = tallies.total(by_time.values())
            if tallies.requests(tally) >= rule.count and (reason := _reason(rule, tally)):
                sentence = f"{_subject(endpoint, name)} {reason} in the last {rule.minutes} minutes."
                yield EndpointCause(rule.id, endpoint.id, name, sentence)


def _subject(endpoint: OnlineEndpoint, deployment: str) -> str:
    return (
        f"The deployment {deployment} of the endpoint {endpoint.name}"
        if deployment
        else f"The endpoint {endpoint.name}"
    )


def _reason(rule: AlertRule, tally: Tally) -> str | None:
    """None where all is well."""
    if rule.on == "endpoint_errors":
        count, failed = tallies.requests(tally), tallies.requests(tally, 500)
        share = 100 * failed / count
        return f"failed {failed} of {count} requests ({share:.3g} %)" if share > rule.threshold else None
    seconds = tallies.percentile(tally, "latency", 0.95)
    if seconds is None or seconds * 1000 <= rule.threshold:
        return None
    return f"took {seconds * 1000:.4g} ms for the 95th percentile of its answers"


def _over(rule: AlertRule, endpoint: OnlineEndpoint, deployment: str) -> str:
    subject = _subject(endpoint, deployment)
    if rule.on == UNREADY:
        return f"Over: {subject[0].lower()}{subject[1:]} has an instance that is ready again."
    what = (
        f"fails more than {rule.threshold:g} % of its requests"
        if rule.on == "endpoint_errors"
        else f"takes more than {rule.threshold:g} ms for the 95th percentile of its answers"
    )
    return f"Over: {subject[0].lower()}{subject[1:]} no longer {what}, as of the last {rule.minutes} minutes."


def tell(session: Session, rules: Sequence[AlertRule], causes: Sequence[EndpointCause]) -> None:
    """Tell what has come to hold, and what no longer does, which may be told of again."""
    hold = {cause[:3] for cause in causes}
    for firing in session.scalars(still(rules)).all():
        if (firing.rule_id, firing.endpoint_id, firing.deployment) not in hold:
            rule, endpoint = session.get(AlertRule, firing.rule_id), session.get(OnlineEndpoint, firing.endpoint_id)
            if rule and endpoint:
                sentence = _over(rule, endpoint, firing.deployment)
                service.end_of_endpoint(session, rule, endpoint, firing.deployment, sentence)
    for cause in causes:
        rule, endpoint = session.get(AlertRule, cause.rule_id), session.get(OnlineEndpoint, cause.endpoint_id)
        if rule and endpoint and not rule.muted:
            service.fire_of_endpoint(session, rule, endpoint, cause.deployment, cause.sentence)


def still(rules: Sequence[AlertRule]):
    """What was told of by some rules and held when it was looked at last."""
    ids = [rule.id for rule in rules]
    return select(EndpointFiring).where(EndpointFiring.rule_id.in_(ids), EndpointFiring.holds)
