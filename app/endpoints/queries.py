"""Reads of endpoints and deployments."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.access.tables import Workspace
from app.activity.tables import AuditRecord
from app.endpoints.tables import DeploymentInstance, OnlineDeployment, OnlineEndpoint
from app.errors import NotFound
from app.kit.paging import Page, ordering, paginate

SORTS = {"name": OnlineEndpoint.name, "created": OnlineEndpoint.created_at, "updated": OnlineEndpoint.updated_at}
MOST_USES = 100
MOST_CHANGES = 50


def find(session: Session, workspace_id: int, name: str) -> OnlineEndpoint | None:
    return session.scalar(
        select(OnlineEndpoint).where(OnlineEndpoint.workspace_id == workspace_id, OnlineEndpoint.name == name)
    )


def by_workspace_name(session: Session, workspace: str, name: str) -> OnlineEndpoint | None:
    place = select(Workspace.id).where(Workspace.name == workspace).scalar_subquery()
    found = select(OnlineEndpoint).where(OnlineEndpoint.workspace_id == place, OnlineEndpoint.name == name)
    return session.scalar(found.with_for_update(of=OnlineEndpoint))


def get(session: Session, workspace_id: int, name: str) -> OnlineEndpoint:
    endpoint = find(session, workspace_id, name)
    if endpoint is None:
        raise NotFound(f"There is no online endpoint {name!r}.", target="name")
    return endpoint


def page(
    session: Session, workspace_id: int, *, text: str = "", sort: str = "name", number: int = 1, size: int = 50
) -> Page:
    found = select(OnlineEndpoint).where(OnlineEndpoint.workspace_id == workspace_id)
    if text:
        found = found.where(OnlineEndpoint.name.icontains(text, autoescape=True))
    found = found.order_by(ordering(sort, SORTS), OnlineEndpoint.id)
    return paginate(session, found.options(selectinload(OnlineEndpoint.deployments)), number, size)


def get_deployment(session: Session, workspace_id: int, endpoint: str, name: str) -> OnlineDeployment:
    found = get(session, workspace_id, endpoint)
    deployment = next((item for item in found.deployments if item.name == name), None)
    if deployment is None:
        known = ", ".join(item.name for item in found.deployments) or "none"
        raise NotFound(f"Endpoint {endpoint!r} has no deployment {name!r}; it has {known}.", target="deployment")
    return deployment


def instances(session: Session, deployment: OnlineDeployment) -> Sequence[DeploymentInstance]:
    return session.scalars(
        select(DeploymentInstance)
        .where(DeploymentInstance.deployment_id == deployment.id)
        .order_by(DeploymentInstance.generation.desc(), DeploymentInstance.number)
    ).all()


def serving_model(session: Session, model_version_ids: list[int]) -> Sequence[OnlineDeployment]:
    """The deployments of given model versions."""
    return session.scalars(
        select(OnlineDeployment).where(OnlineDeployment.model_version_id.in_(model_version_ids))
    ).all()


def in_environment(
    session: Session, workspace_id: int, name: str, version: str | None = None
) -> Sequence[OnlineDeployment]:
    """The deployments that run in a registered environment, newest first."""
    asset = OnlineDeployment.environment["asset"]
    found = (
        select(OnlineDeployment)
        .join(OnlineEndpoint, OnlineDeployment.endpoint_id == OnlineEndpoint.id)
        .where(OnlineEndpoint.workspace_id == workspace_id, asset["name"].as_string() == name)
    )
    if version is not None:
        found = found.where(asset["version"].as_string() == version)
    return session.scalars(found.order_by(OnlineDeployment.id.desc()).limit(MOST_USES)).all()


def traffic_changes(session: Session, endpoint: OnlineEndpoint) -> list[AuditRecord]:
    """Who gave traffic to whom, newest first, of the endpoint's last changes."""
    found = (
        select(AuditRecord)
        .where(AuditRecord.target_type == "online-endpoints", AuditRecord.target_name == endpoint.name)
        .where(AuditRecord.workspace_id == endpoint.workspace_id, AuditRecord.at >= endpoint.created_at)
    )
    records = session.scalars(found.order_by(AuditRecord.id.desc()).limit(MOST_CHANGES)).all()
    return [record for record in records if any(_changed(record, field) for field in ("traffic", "mirror_traffic"))]


def _changed(record: AuditRecord, field: str) -> bool:
    """Whether a change says something of a field, and not what was so before."""
    after = record.after or {}
    return field in after and _shares(after[field]) != _shares((record.before or {}).get(field))


def _shares(traffic: dict | None) -> dict:
    return {name: share for name, share in (traffic or {}).items() if share}
