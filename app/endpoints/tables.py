"""Online endpoints, their deployments, and the instances that serve them."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now
from app.models.tables import ModelVersion


class OnlineEndpoint(Base):
    """Keys are stored twice: hashed to check a request, encrypted to be shown to who may see them."""

    __tablename__ = "online_endpoints"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    auth_mode: Mapped[str] = mapped_column(default="key")
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    properties: Mapped[dict] = mapped_column(default=dict)
    traffic: Mapped[dict] = mapped_column(default=dict)
    mirror_traffic: Mapped[dict] = mapped_column(default=dict, server_default="{}")
    traffic_before: Mapped[dict] = mapped_column(default=dict, server_default="{}")
    rollback_rule: Mapped[dict | None]
    requests_per_minute: Mapped[int | None]
    primary_key: Mapped[str]
    primary_key_hash: Mapped[str]
    secondary_key: Mapped[str]
    secondary_key_hash: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    deployments: Mapped[list["OnlineDeployment"]] = relationship(
        cascade="all, delete-orphan", order_by="OnlineDeployment.name", back_populates="endpoint"
    )


class OnlineDeployment(Base):
    """What should serve. `generation` rises with every change, so that instances of an older one are replaced.

    `provisioning_state` is Azure's: Creating, Updating, Succeeded, Failed, Deleting. `scaling` holds the last changes
    of the number of instances, each with its reason, and since when fewer would do.
    """

    __tablename__ = "online_deployments"
    __table_args__ = (UniqueConstraint("endpoint_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("online_endpoints.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"), index=True)
    code: Mapped[str | None]
    scoring_script: Mapped[str | None]
    environment: Mapped[dict | None]
    environment_variables: Mapped[dict] = mapped_column(default=dict)
    instance_type: Mapped[str | None]
    instance_count: Mapped[int] = mapped_column(default=1)
    request_settings: Mapped[dict] = mapped_column(default=dict)
    liveness_probe: Mapped[dict] = mapped_column(default=dict)
    readiness_probe: Mapped[dict] = mapped_column(default=dict)
    scale_settings: Mapped[dict | None]
    scaling: Mapped[dict | None]
    data_collector: Mapped[dict | None]
    tags: Mapped[dict] = mapped_column(default=dict)
    properties: Mapped[dict] = mapped_column(default=dict)
    spec: Mapped[dict | None]
    compilation: Mapped[dict | None]
    generation: Mapped[int] = mapped_column(default=1)
    provisioning_state: Mapped[str] = mapped_column(default="Creating")
    error: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    endpoint: Mapped[OnlineEndpoint] = relationship(back_populates="deployments", lazy="joined")
    model_version: Mapped[ModelVersion | None] = relationship(lazy="joined")
    instances: Mapped[list["DeploymentInstance"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class DeploymentInstance(Base):
    """A scoring server that a worker keeps. `state`: Pending, Starting, Ready, Unhealthy, Failed, Stopping.

    `definition` is what it serves, which its deployment may have gone on from.
    """

    __tablename__ = "deployment_instances"
    __table_args__ = (UniqueConstraint("deployment_id", "number", "generation"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("online_deployments.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    generation: Mapped[int]
    worker_id: Mapped[int | None] = mapped_column(index=True)
    lease_expires_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="Pending")
    address: Mapped[str | None]
    key: Mapped[str | None]
    restarts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    definition: Mapped[dict | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]
