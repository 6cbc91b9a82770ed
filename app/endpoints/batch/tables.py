"""Batch endpoints, their deployments, and the jobs that they were invoked for."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now


class BatchEndpoint(Base):
    __tablename__ = "batch_endpoints"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    properties: Mapped[dict] = mapped_column(default=dict)
    default_deployment: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    deployments: Mapped[list["BatchDeployment"]] = relationship(
        cascade="all, delete-orphan", order_by="BatchDeployment.name", back_populates="endpoint"
    )


class BatchDeployment(Base):
    """`spec` is a `DeploymentCreate` whose model is named by its version."""

    __tablename__ = "batch_deployments"
    __table_args__ = (UniqueConstraint("endpoint_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("batch_endpoints.id", ondelete="CASCADE"))
    name: Mapped[str]
    spec: Mapped[dict]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    endpoint: Mapped[BatchEndpoint] = relationship(back_populates="deployments", lazy="joined")


class BatchInvocation(Base):
    """`deployment` is a name, so that jobs outlive the deployment that they ran through."""

    __tablename__ = "batch_invocations"

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("batch_endpoints.id", ondelete="CASCADE"), index=True)
    deployment: Mapped[str]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
