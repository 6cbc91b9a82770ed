"""Which deployments' models are compiled to ONNX, and what came of it.

`OnlineDeployment.compilation` holds `source` (what was compiled), `state` (`compiled` or `plain`), and for
`plain` a `reason`; for `compiled` the `key` of the graph in the artifact store, its `bytes`, the `framework`,
`input` (`shape` behind the rows, `columns` or null, `whole` by column, `dtype`, `most`: the largest number that was
compared), `output` (`name`, `tail` of
its shape, `columns` of records or null), `parity` (`kind`, `max_abs`, `max_rel`, `tolerance`, `rows`) and the
milliseconds that one row takes, `plain_ms` and `compiled_ms`.
"""

import hashlib
import json

from sqlalchemy.orm import Session

from app.endpoints import containers
from app.endpoints.tables import OnlineDeployment

PROPERTY = "atelier.compile"
"""Property of a deployment; `false` turns it off."""
GRAPH_BYTES = 128 * 2**20


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


def keep(session: Session, deployment_id: int, compiled_from: str, result: dict) -> bool:
    """Write down what came of it; False where the deployment has changed meanwhile."""
    deployment = session.get(OnlineDeployment, deployment_id)
    if deployment is None or source(deployment) != compiled_from:
        return False
    deployment.compilation = {"source": compiled_from, **result}
    return True
