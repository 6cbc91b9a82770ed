"""Which worker serves which instance: claimed by lease, and spread so that no worker has more than its share."""

import math
from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.endpoints import containers
from app.endpoints.tables import DeploymentInstance
from app.kit.clock import now

WAITED = timedelta(seconds=3)
"""An instance that nobody whose share it is took for so long may be taken by any worker."""


def claim_instances(
    session: Session,
    worker_id: int,
    lease_until: datetime,
    most: int,
    *,
    workers: int = 1,
    has_engine: bool = True,
) -> list[int]:
    """Take up to `most` instances that no living worker keeps; returns their ids.

    `workers` is the number of those that live. Each takes its part of all instances and of each deployment's.
    Without a container engine, what needs one is left to others.
    """
    found = [row for row in _free(session, most) if has_engine or not containers.needs_engine(row.definition)]
    if not found:
        return []
    mine, totals = _counts(session, worker_id), _counts(session)
    taken = []
    for row in found:
        has_waited = (row.lease_expires_at or row.created_at) < now() - WAITED
        is_share = mine.total() < _share(totals.total(), workers) and mine[row.deployment_id] < _share(
            totals[row.deployment_id], workers
        )
        if (is_share or has_waited) and _claim(session, row.id, worker_id, lease_until):
            mine[row.deployment_id] += 1
            taken.append(row.id)
    return taken


def _free(session: Session, most: int):
    columns = (
        DeploymentInstance.id,
        DeploymentInstance.deployment_id,
        DeploymentInstance.lease_expires_at,
        DeploymentInstance.created_at,
        DeploymentInstance.definition,
    )
    free = select(*columns).where(_is_free(), DeploymentInstance.state != "Stopping")
    return session.execute(free.order_by(DeploymentInstance.id).limit(most)).all()


def _is_free():
    return DeploymentInstance.worker_id.is_(None) | (DeploymentInstance.lease_expires_at < now())


def _counts(session: Session, worker_id: int | None = None) -> Counter[int]:
    """Instances of each deployment, of one worker or of all."""
    counted = select(DeploymentInstance.deployment_id, func.count()).where(DeploymentInstance.state != "Stopping")
    if worker_id is not None:
        counted = counted.where(DeploymentInstance.worker_id == worker_id, DeploymentInstance.lease_expires_at >= now())
    return Counter(dict(session.execute(counted.group_by(DeploymentInstance.deployment_id)).tuples().all()))


def _share(total: int, workers: int) -> int:
    return math.ceil(total / max(workers, 1))


def _claim(session: Session, instance_id: int, worker_id: int, lease_until: datetime) -> bool:
    claimed = session.execute(
        update(DeploymentInstance)
        .where(DeploymentInstance.id == instance_id, _is_free(), DeploymentInstance.state != "Stopping")
        .values(worker_id=worker_id, lease_expires_at=lease_until, state="Starting", address=None)
    )
    return bool(claimed.rowcount)
