"""Everything that changes an online endpoint or a deployment.

What should serve is a state of the tables: workers see it there and bring it about, so nothing is
lost when a message is.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.endpoints import autoscaling, compilation, containers, generations, logs, names, queries
from app.endpoints.access_log import files as access_log
from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint
from app.errors import AlreadyExists, Conflict, Invalid
from app.jobs.discarding import discard
from app.kit import crypto
from app.kit.clock import now
from app.kit.ids import digest, secret
from app.kit.outbox import hint
from app.notifications import mailing, posting
from app.notifications import service as notifications
from app.workspaces.events import WorkspaceDeleting

AUTH_MODES = ("key", "aml_token", "aad_token")
CHANNEL = "endpoints"


def create(
    session: Session,
    workspace_id: int,
    name: str,
    *,
    created_by: str,
    auth_mode: str = "key",
    description: str = "",
    tags: dict | None = None,
    properties: dict | None = None,
) -> OnlineEndpoint:
    names.check(name)
    if auth_mode not in AUTH_MODES:
        raise Invalid(f"auth_mode: {auth_mode!r} is not one of {', '.join(AUTH_MODES)}.", target="auth_mode")
    if queries.find(session, workspace_id, name):
        raise AlreadyExists(f"There is an online endpoint {name!r} already.", target="name")
    keys = _new_key("primary") | _new_key("secondary")
    endpoint = OnlineEndpoint(
        workspace_id=workspace_id,
        name=name,
        auth_mode=auth_mode,
        description=description,
        tags=tags or {},
        properties=properties or {},
        created_by=created_by,
        **keys,
    )
    session.add(endpoint)
    changed(session, endpoint)
    session.flush()
    access_log.clear(workspace_id, endpoint.id)
    return endpoint


def _new_key(which: str) -> dict[str, str]:
    plain = secret()
    return {f"{which}_key": crypto.encrypt(plain), f"{which}_key_hash": digest(plain)}


def keys(endpoint: OnlineEndpoint) -> dict[str, str]:
    """The plain keys, under the names of Azure ML's listKeys."""
    return {
        "primaryKey": crypto.decrypt(endpoint.primary_key),
        "secondaryKey": crypto.decrypt(endpoint.secondary_key),
    }


def regenerate_key(session: Session, endpoint: OnlineEndpoint, which: str) -> dict[str, str]:
    if which not in ("primary", "secondary"):
        raise Invalid(f"key_type: {which!r} is neither 'primary' nor 'secondary'.", target="key_type")
    for name, value in _new_key(which).items():
        setattr(endpoint, name, value)
    changed(session, endpoint)
    return keys(endpoint)


def check_same(endpoint: OnlineEndpoint, field: str, wanted: str | None) -> None:
    """Raises Invalid where a file asks for another value of a field that cannot be changed."""
    present = getattr(endpoint, field)
    if wanted not in (None, present):
        raise Invalid(
            f"{field}: endpoint {endpoint.name!r} has {present!r}, which cannot be changed to {wanted!r}.", target=field
        )


def change(
    session: Session,
    endpoint: OnlineEndpoint,
    *,
    traffic: dict | None = None,
    mirror_traffic: dict | None = None,
    **said: str | dict,
) -> None:
    """`said` has any of `description`, `tags` and `properties`."""
    serving = {item.name for item in endpoint.deployments if item.provisioning_state != "Deleting"}
    shares = endpoint.traffic if traffic is None else names.check_traffic(traffic, serving)
    if mirror_traffic is not None:
        mirror_traffic = names.check_mirror(mirror_traffic, serving)
        for name in filter(shares.get, mirror_traffic):
            raise Invalid(
                f"mirror_traffic.{name}: it has {shares[name]} % of the traffic itself. Mirror to a deployment that "
                "has none.",
                target=f"mirror_traffic.{name}",
            )
        endpoint.mirror_traffic = mirror_traffic
    _set_traffic(endpoint, shares)
    for field, value in said.items():
        setattr(endpoint, field, value)
    changed(session, endpoint)


def _set_traffic(endpoint: OnlineEndpoint, wanted: dict[str, int]) -> None:
    """What was before is kept to go back to."""
    if wanted != endpoint.traffic:
        endpoint.traffic_before, endpoint.traffic = dict(endpoint.traffic), wanted
    endpoint.mirror_traffic = {name: share for name, share in endpoint.mirror_traffic.items() if not wanted.get(name)}


def roll_back(session: Session, endpoint: OnlineEndpoint) -> None:
    """The traffic as it was before the last change; once more is back again. Raises Conflict where nothing was."""
    if not any(endpoint.traffic_before.values()):
        raise Conflict(f"Endpoint {endpoint.name!r} had no other traffic to go back to.", target="traffic")
    gone = [name for name in endpoint.traffic_before if name not in {item.name for item in endpoint.deployments}]
    if gone:
        raise Conflict(f"Deployment {gone[0]!r}, which had the traffic before, is deleted.", target="traffic")
    _set_traffic(endpoint, endpoint.traffic_before)
    changed(session, endpoint)


def take_traffic_from(session: Session, endpoint: OnlineEndpoint, deployment: str) -> None:
    """Traffic as it was before a deployment got more of it, and no copies to it; nothing is left to go back to."""
    endpoint.mirror_traffic = {name: share for name, share in endpoint.mirror_traffic.items() if name != deployment}
    if endpoint.traffic.get(deployment):
        endpoint.traffic, endpoint.traffic_before = endpoint.traffic_before, {}
    changed(session, endpoint)


def set_rules(
    session: Session, endpoint: OnlineEndpoint, *, rollback_rule: dict | None, requests_per_minute: int | None
) -> None:
    """When a deployment on trial loses its traffic, and how often each key may ask; None for neither."""
    if rollback_rule is not None:
        _check_rule(rollback_rule)
    endpoint.rollback_rule, endpoint.requests_per_minute = rollback_rule, requests_per_minute
    changed(session, endpoint)


def _check_rule(rule: dict) -> None:
    limits = ("max_error_rate", "max_latency_ms", "max_disagreement_rate")
    if all(rule.get(name) is None for name in limits):
        raise Invalid(f"rollback_rule: set at least one of {', '.join(limits)}.", target="rollback_rule")
    for address in rule.get("emails") or []:
        mailing.check_address(address, "rollback_rule.emails")
    if rule.get("webhook_url"):
        allow_private = notifications.settings().webhooks_allow_private
        posting.check_url(rule["webhook_url"], "rollback_rule.webhook_url", allow_private=allow_private)


def delete(session: Session, endpoint: OnlineEndpoint) -> None:
    """Deployments and instances go with it; workers end the processes that no row stands for any more."""
    discard(session, access_log.folder(endpoint.workspace_id, endpoint.id))
    session.delete(endpoint)
    hint(session, CHANNEL, "endpoints")


def deploy(
    session: Session, endpoint: OnlineEndpoint, name: str, *, created_by: str, all_traffic: bool = False, **settings
) -> OnlineDeployment:
    """Make a deployment, or change the one of that name: new instances are ready before the old ones end."""
    names.check_deployment(name)
    _check(settings)
    if scaled := settings.get("scale_settings"):
        autoscaling.check(scaled, settings.get("properties") or {})
        if scaled["type"] == "target_utilization":
            # At least one at first, which shows that the model can be served.
            least = max(scaled["min_instances"], 1)
            settings["instance_count"] = min(max(settings.get("instance_count", 1), least), scaled["max_instances"])
    found = next((item for item in endpoint.deployments if item.name == name), None)
    if found is None:
        found = OnlineDeployment(name=name, created_by=created_by, provisioning_state="Creating", **settings)
        endpoint.deployments.append(found)
        session.flush()
        logs.clear(found)
    elif found.provisioning_state == "Deleting":
        raise Conflict(f"Deployment {name!r} is being deleted. Try again in a moment.", target="name")
    else:
        _retire_failed(session, found)
        _update(found, settings)
    session.flush()
    _want_instances(session, found)
    if all_traffic:
        _set_traffic(endpoint, {name: 100})
    changed(session, endpoint)
    return found


def _retire_failed(session: Session, deployment: OnlineDeployment) -> None:
    """Those that serve, or have served, stay as they are until those that come now do; the others end."""
    for found in queries.instances(session, deployment):
        if found.state == "Failed" or (found.state in ("Pending", "Starting") and found.ready_at is None):
            found.state = "Stopping"
        elif found.definition is None:
            found.definition = generations.definition(session, deployment)


def _update(deployment: OnlineDeployment, settings: dict) -> None:
    for field, value in settings.items():
        setattr(deployment, field, value)
    deployment.generation += 1
    deployment.provisioning_state, deployment.error, deployment.updated_at = "Updating", None, now()


def _check(settings: dict) -> None:
    needs_none = settings.get("scoring_script") or containers.routes(settings.get("environment"))
    if settings.get("model_version_id") is None and not needs_none:
        raise Invalid("model: name a registered model, as azureml:NAME:VERSION.", target="model")
    autoscaling.check_count(settings.get("instance_count", 1))


def _want_instances(session: Session, deployment: OnlineDeployment) -> None:
    session.add_all(generations.instance(session, deployment, number) for number in range(deployment.instance_count))


def delete_deployment(session: Session, deployment: OnlineDeployment) -> None:
    """Raises Conflict while it still has traffic: nobody's requests are dropped by accident."""
    endpoint = deployment.endpoint
    if endpoint.traffic.get(deployment.name):
        share = endpoint.traffic[deployment.name]
        raise Conflict(
            f"Deployment {deployment.name!r} has {share} % of the traffic. Give it to another first.", target="traffic"
        )
    for field in ("traffic", "mirror_traffic"):
        setattr(
            endpoint,
            field,
            {name: share for name, share in getattr(endpoint, field).items() if name != deployment.name},
        )
    if deployment.name in endpoint.traffic_before:
        endpoint.traffic_before = {}
    endpoint.deployments.remove(deployment)
    changed(session, endpoint)


def changed(session: Session, endpoint: OnlineEndpoint) -> None:
    endpoint.updated_at = now()
    session.flush()
    hint(session, CHANNEL, "endpoints")


def describe(session: Session, deployment: OnlineDeployment, **said: str | dict) -> None:
    """Set `description` or `tags`; instances stay as they are."""
    for field, value in said.items():
        setattr(deployment, field, value)
    deployment.spec, deployment.updated_at = (deployment.spec or {}) | said, now()
    changed(session, deployment.endpoint)


def compile_or_not(session: Session, deployment: OnlineDeployment, on: bool) -> None:
    """Instances stay as they are; gateways follow."""
    deployment.properties = {**deployment.properties, compilation.PROPERTY: str(on).lower()}
    hint(session, CHANNEL, "endpoints")


def settle(session: Session, deployment: OnlineDeployment) -> None:
    """Derive a deployment's state from its instances', and retire an older generation once the new one serves."""
    present = queries.instances(session, deployment)
    current = [found for found in present if found.generation == deployment.generation and found.state != "Stopping"]
    if current and all(found.state == "Ready" for found in current):
        deployment.provisioning_state, deployment.error = "Succeeded", None
        _end_surplus(current, len(current) - deployment.instance_count)
        for found in present:
            if found.generation < deployment.generation:
                found.state = "Stopping"
    elif any(found.state == "Failed" for found in current):
        failed = next(found for found in current if found.state == "Failed")
        deployment.provisioning_state, deployment.error = "Failed", failed.error
    hint(session, CHANNEL, "endpoints")


def _end_surplus(ready: Sequence[DeploymentInstance], count: int) -> None:
    """Those from which others have taken over first, then those that have served for longest."""
    by_age = sorted(ready, key=lambda found: (found.error is None, found.ready_at or found.created_at, found.id))
    for found in by_age[: max(count, 0)]:
        found.state = "Stopping"


def on_workspace_deleting(session: Session, event: WorkspaceDeleting) -> None:
    """Raises Conflict while endpoints serve: their instances end with their deployments only."""
    names = session.scalars(
        select(OnlineEndpoint.name).where(OnlineEndpoint.workspace_id == event.workspace_id).limit(3)
    ).all()
    if names:
        raise Conflict(
            f"Online endpoints of the workspace serve: {', '.join(names)}. Delete them first.", target="workspace"
        )
