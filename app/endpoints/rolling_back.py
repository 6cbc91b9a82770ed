"""Takes traffic away from a deployment on trial that broke the endpoint's rule, and tells of it."""

import asyncio
import logging

from sqlalchemy.orm import Session

from app.activity.service import record
from app.database import transaction
from app.endpoints import queries, service
from app.endpoints.gateway.guarding import Guard, on_trial
from app.endpoints.gateway.limiting import Limiter
from app.endpoints.gateway.mirroring import Mirror
from app.endpoints.gateway.routing import Route
from app.endpoints.gateway.scoring import Scoring
from app.endpoints.permissions import WRITE
from app.endpoints.tables import OnlineEndpoint
from app.notifications import service as notifications

log = logging.getLogger(__name__)
ACTOR = "roll-back rule"
_at_work: set[asyncio.Task] = set()


def install(scoring: Scoring) -> None:
    """Limits of keys, mirrored traffic and roll-back rules, in a process that scores."""
    scoring.before.append(Limiter())
    guard = Guard(scoring.table, _roll_back_soon)
    # A copy is judged once it has been compared, so its mirror tells the guard.
    scoring.after += [Mirror(scoring, judge=guard), guard]


def _roll_back_soon(route: Route, deployment: str, reason: str) -> None:
    task = asyncio.get_running_loop().create_task(asyncio.to_thread(_try, route, deployment, reason))
    _at_work.add(task)
    task.add_done_callback(_at_work.discard)


def _try(route: Route, deployment: str, reason: str) -> None:
    try:
        roll_back(route, deployment, reason)
    except Exception:
        log.exception("%s/%s: %s could not be rolled back", route.workspace, route.endpoint, deployment)


def roll_back(route: Route, deployment: str, reason: str) -> bool:
    """Whether it was this call that did it: of several gateways that see the same, one does."""
    with transaction() as session:
        endpoint = queries.by_workspace_name(session, route.workspace, route.endpoint)
        if endpoint is None or deployment not in on_trial(
            endpoint.traffic, endpoint.traffic_before, endpoint.mirror_traffic
        ):
            return False
        before = {"traffic": endpoint.traffic, "mirror_traffic": endpoint.mirror_traffic}
        service.take_traffic_from(session, endpoint, deployment)
        after = {"traffic": endpoint.traffic, "mirror_traffic": endpoint.mirror_traffic, "reason": reason}
        about = {"workspace_id": endpoint.workspace_id, "target_type": "online-endpoints"}
        record(session, ACTOR, WRITE.name, target_name=endpoint.name, before=before, after=after, **about)
        _tell(session, route.workspace, endpoint, deployment, reason)
    log.warning("%s/%s: %s was rolled back: %s", route.workspace, route.endpoint, deployment, reason)
    return True


def _tell(session: Session, workspace: str, endpoint: OnlineEndpoint, deployment: str, reason: str) -> None:
    rule = endpoint.rollback_rule or {}
    address = notifications.link(workspace, f"/endpoints/{endpoint.name}")
    sentence = f"Deployment {deployment} of endpoint {endpoint.name} was rolled back: {reason}."
    origin = {
        "workspace_id": endpoint.workspace_id,
        "source": "endpoint",
        "source_id": str(endpoint.id),
        "source_name": endpoint.name,
        "event": "endpoint.rolled_back",
        "reason": sentence,
        "about": address,
    }
    for recipient in rule.get("emails") or []:
        notifications.mail(session, recipient, sentence[:200], f"{sentence}\n\n{address}\n", **origin)
    if rule.get("webhook_url"):
        payload = {"text": f"{sentence}\n{address}", "event": origin["event"], "cause": reason, "url": address}
        payload |= {"endpoint": endpoint.name, "deployment": deployment, "traffic": endpoint.traffic}
        notifications.post(session, rule["webhook_url"], payload, **origin)
