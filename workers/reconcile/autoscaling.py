"""Gives deployments with target_utilization as many instances as their load needs."""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, Exists, exists, select
from sqlalchemy.orm import Session

from app.access.tables import Workspace
from app.database import reading, transaction
from app.endpoints import autoscaling, scaling
from app.endpoints.gateway.counters import Key
from app.endpoints.gateway.load import Flow
from app.endpoints.tables import OnlineDeployment, OnlineEndpoint

log = logging.getLogger(__name__)


def is_due() -> Exists:
    """Whether any deployment follows its load."""
    return exists().where(*_scaled())


def reconcile(read_load: Callable[[], dict[Key, Flow]]) -> None:
    """`read_load` gives the requests of each deployment.

    While Redis is away nothing is known, and everything stays.
    """
    scaled = select(OnlineDeployment.id, Workspace.name).join(OnlineDeployment.endpoint)
    scaled = scaled.join(Workspace, Workspace.id == OnlineEndpoint.workspace_id).where(*_scaled())
    with reading() as session:
        found = session.execute(scaled).all()
        if not found:
            return
        try:
            flows = read_load()
        except (RedisError, OSError):
            log.warning("deployments are not scaled: Redis does not answer")
            return
        due = [
            (deployment_id, requests)
            for deployment_id, workspace in found
            if _is_due(deployment := session.get_one(OnlineDeployment, deployment_id), requests := flows.get(
                (workspace, deployment.endpoint.name, deployment.name), Flow()
            ))
        ]  # fmt: skip
    for deployment_id, requests in due:
        with transaction() as session:
            _scale(session, deployment_id, requests)


def _scaled() -> tuple[ColumnElement[bool], ...]:
    return (
        OnlineDeployment.scale_settings["type"].as_string() == "target_utilization",
        OnlineDeployment.provisioning_state == "Succeeded",
    )


def _is_due(deployment: OnlineDeployment, flow: Flow) -> bool:
    next_step, low = _look(deployment, flow)
    return next_step.count != deployment.instance_count or next_step.low != low


def _look(deployment: OnlineDeployment, flow: Flow) -> tuple[autoscaling.Step, autoscaling.Low | None]:
    told = (deployment.scaling or {}).get("low")
    low = autoscaling.Low(**told) if told else None
    limits = autoscaling.limits_of(deployment)
    at = time.time()
    found = autoscaling.step(
        limits,
        deployment.instance_count,
        low,
        flow.in_flight,
        at,
        took=flow.seconds,
        unchanged=at - _changed_at(deployment),
    )
    return found, low


def _changed_at(deployment: OnlineDeployment) -> float:
    changes = (deployment.scaling or {}).get("changes")
    return datetime.fromisoformat(changes[-1]["at"]).timestamp() if changes else 0.0


def _scale(session: Session, deployment_id: int, flow: Flow) -> None:
    """Looks again under a lock: another worker may have done it."""
    deployment = session.get(OnlineDeployment, deployment_id, with_for_update={"of": OnlineDeployment})
    if deployment is None or not autoscaling.is_on(deployment):
        return
    next_step, _ = _look(deployment, flow)
    if next_step.count != deployment.instance_count:
        scaling.scale(session, deployment, next_step.count, next_step.reason)
        return
    low = next_step.low
    deployment.scaling = {**(deployment.scaling or {}), "low": low and {"since": low.since, "peak": low.peak}}
