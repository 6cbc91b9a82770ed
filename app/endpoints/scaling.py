"""Changes the number of instances of a deployment, or the rule for it; those that serve go on serving."""

import itertools
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.endpoints import autoscaling, generations, queries, service
from app.endpoints.tables import DeploymentInstance, OnlineDeployment
from app.kit.clock import now

KEPT_CHANGES = 20


def fix(session: Session, deployment: OnlineDeployment, instance_count: int) -> None:
    """A number of instances that stays, whatever the load. Raises Invalid for one out of bounds."""
    autoscaling.check_count(instance_count)
    if autoscaling.is_on(deployment):
        _keep(deployment, deployment.scale_settings | {"type": "default"})
    scale(session, deployment, instance_count, "asked for")


def follow(session: Session, deployment: OnlineDeployment, settings: dict) -> None:
    """Scale settings from now on. Raises Invalid that names the field."""
    autoscaling.check(settings, deployment.properties)
    _keep(deployment, settings)
    deployment.scaling = {**(deployment.scaling or {}), "low": None}
    if settings["type"] == "default" and not deployment.instance_count:
        scale(session, deployment, 1, "no longer scaled to zero")
    service.changed(session, deployment.endpoint)


def _keep(deployment: OnlineDeployment, settings: dict) -> None:
    deployment.scale_settings, deployment.updated_at = settings, now()
    if deployment.spec:
        deployment.spec = deployment.spec | {"scale_settings": settings}


def scale(session: Session, deployment: OnlineDeployment, instance_count: int, reason: str) -> None:
    """More or fewer instances of the same generation; those that are not ready go first, then the highest numbers."""
    own = [found for found in queries.instances(session, deployment) if found.generation == deployment.generation]
    present = sorted(
        (found for found in own if found.state != "Stopping" and not is_worn(found)),
        key=lambda found: (found.state != "Ready", found.number),
    )
    for found in present[instance_count:]:
        found.state = "Stopping"
    _add(session, deployment, own, max(instance_count - len(present), 0))
    if instance_count != deployment.instance_count:
        _note_change(deployment, instance_count, reason)
    deployment.instance_count, deployment.updated_at = instance_count, now()
    service.changed(session, deployment.endpoint)


def _add(session: Session, deployment: OnlineDeployment, own: Sequence[DeploymentInstance], count: int) -> None:
    # One that is stopping still has its number.
    taken = {found.number for found in own}
    free = (number for number in itertools.count() if number not in taken)
    session.add_all(generations.instance(session, deployment, number) for number in itertools.islice(free, count))


def is_worn(instance: DeploymentInstance) -> bool:
    """Whether another takes over from it; what serves has nothing else to say."""
    return instance.state == "Ready" and instance.error is not None


def replace(session: Session, instance: DeploymentInstance, reason: str) -> None:
    """Begin another instance beside one that serves, which ends once the other is ready."""
    deployment = session.get_one(OnlineDeployment, instance.deployment_id)
    if instance.state != "Ready" or is_worn(instance) or instance.generation != deployment.generation:
        return
    instance.error = reason
    own = [found for found in queries.instances(session, deployment) if found.generation == deployment.generation]
    _add(session, deployment, own, 1)
    _note_change(deployment, deployment.instance_count, f"instance {instance.number}: {reason}")
    service.changed(session, deployment.endpoint)


def _note_change(deployment: OnlineDeployment, instance_count: int, reason: str) -> None:
    change = {"at": now().isoformat(), "before": deployment.instance_count, "after": instance_count, "reason": reason}
    before = (deployment.scaling or {}).get("changes", [])
    deployment.scaling = {"low": None, "changes": [*before, change][-KEPT_CHANGES:]}
