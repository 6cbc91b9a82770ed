"""How endpoints and deployments stand, for those who look at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.endpoints import queries
from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint

SETTLED = ("Succeeded", "Failed")
URGENCY = ("Failed", "Deleting", "Creating", "Updating", "Succeeded")


@dataclass(frozen=True)
class Standing:
    """`share` is in percent; `instances` are those that are to stay, `older` those that still serve until then."""

    deployment: OnlineDeployment
    instances: Sequence[DeploymentInstance]
    older: int
    share: int

    @property
    def ready(self) -> int:
        return sum(instance.state == "Ready" for instance in self.instances)

    @property
    def restarts(self) -> int:
        return sum(instance.restarts for instance in self.instances)

    @property
    def changes(self) -> list[dict]:
        """How the number of instances changed, newest first, each with `at`, `before`, `after` and `reason`."""
        kept = (self.deployment.scaling or {}).get("changes", [])
        return [change | {"at": datetime.fromisoformat(change["at"])} for change in reversed(kept)]

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way that a look a moment later would show."""
        settled = self.deployment.provisioning_state in SETTLED and not self.older
        return settled and all(instance.state in ("Ready", "Failed") for instance in self.instances)


def of(session: Session, deployment: OnlineDeployment) -> Standing:
    present = queries.instances(session, deployment)
    current = [found for found in present if found.generation == deployment.generation and found.state != "Stopping"]
    older = sum(found.generation < deployment.generation for found in present)
    share = deployment.endpoint.traffic.get(deployment.name, 0)
    return Standing(deployment, sorted(current, key=lambda found: found.number), older, share)


def overall(endpoint: OnlineEndpoint) -> str | None:
    """One state for an endpoint: the one among its deployments' that asks most for a look; None without any."""
    states = {deployment.provisioning_state for deployment in endpoint.deployments}
    return next(
        (state for state in ("Failed", "Deleting", "Creating", "Updating", "Succeeded") if state in states), None
    )
