"""Which deployments' models are compiled to ONNX, and what came of it.

`OnlineDeployment.compilation` holds `source` (what was compiled), `state` (`compiled` or `plain`), and for
`plain` a `reason`; for `compiled` the `key` of the graph in the artifact store, its `bytes`, the `framework`,
`input` (`shape` behind the rows, `columns` or null, `whole` by column, `dtype`, `most`: the largest number that was
compared), `output` (`name`, `tail` of
its shape, `columns` of records or null), `parity` (`kind`, `max_abs`, `max_rel`, `tolerance`, `rows`) and the
milliseconds that one row takes, `plain_ms` and `compiled_ms`. `crashed_at` (ISO 8601) says when a gateway last ended
while the graph was at work.
"""

import hashlib
import json
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.activity.service import record
from app.endpoints import containers
from app.endpoints.permissions import WRITE
from app.endpoints.tables import OnlineDeployment
from app.kit.clock import now

PROPERTY = "atelier.compile"
"""Property of a deployment; `false` turns it off."""
GRAPH_BYTES = 128 * 2**20
CRASHED_TWICE = "Twice the gateway ended while the compiled model was at work."


def is_on(deployment: OnlineDeployment) -> bool:
    return str(deployment.properties.get(PROPERTY, "true")).lower() != "false"


def is_possible(deployment: OnlineDeployment) -> bool:
    """Code and containers of the user's are served as they are."""
    is_own = deployment.scoring_script or containers.routes(deployment.environment)
    return deployment.model_version is not None and not is_own


def source(deployment: OnlineDeployment) -> str:
    """A digest of what the compiled graph depends on."""
    version = deployment.model_version
    told = json.dumps([version.path if version else None, deployment.environment], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def is_due(deployment: OnlineDeployment) -> bool:
    if not is_on(deployment) or not is_possible(deployment):
        return False
    return (deployment.compilation or {}).get("source") != source(deployment)


def graph_of(deployment: OnlineDeployment) -> dict | None:
    """What is known of the graph that may be served; None where the model itself is."""
    found = deployment.compilation or {}
    if found.get("state") != "compiled" or not is_on(deployment) or found["source"] != source(deployment):
        return None
    return found


def crashed_at(deployment: OnlineDeployment) -> datetime | None:
    said = (deployment.compilation or {}).get("crashed_at")
    return datetime.fromisoformat(said) if said else None


def keep(session: Session, deployment_id: int, compiled_from: str, result: dict) -> bool:
    """Write down what came of it; False where the deployment has changed meanwhile."""
    deployment = session.get(OnlineDeployment, deployment_id)
    if deployment is None or source(deployment) != compiled_from:
        return False
    deployment.compilation = {"source": compiled_from, **result}
    return True


def crashed(session: Session, key: str) -> None:
    """Write down that a gateway ended while the graph was at work; the second time the model itself is served for good.

    `key` is the graph's in the artifact store.
    """
    for deployment in session.scalars(select(OnlineDeployment)):
        known = deployment.compilation or {}
        if known.get("state") != "compiled" or known.get("key") != key:
            continue
        if "crashed_at" in known:
            said = {"source": known["source"], "state": "plain", "reason": CRASHED_TWICE}
        else:
            said = {**known, "crashed_at": now().isoformat()}
        deployment.compilation = said
        endpoint = deployment.endpoint
        record(
            session,
            "gateway",
            WRITE.name,
            workspace_id=endpoint.workspace_id,
            target_type="deployments",
            target_name=f"{endpoint.name}/{deployment.name}",
            before={"compilation": known["state"]},
            after={"compilation": said["state"], "reason": "The gateway ended while the compiled model was at work."},
        )
