"""Registered environments, how far each is built, and what container images stand for."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now


class Environment(Base):
    """`labels` are `{label: version}`, beside `latest`, which is never kept."""

    __tablename__ = "environments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    labels: Mapped[dict] = mapped_column(default=dict)
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class EnvironmentVersion(Base):
    """`definition` is the normalised file, with the conda file in it, and never changes.

    `spec` is what is built of it, as `EnvironmentSpec.to_dict` writes it; None where the table of images decides.
    """

    __tablename__ = "environment_versions"
    __table_args__ = (UniqueConstraint("environment_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    environment_id: Mapped[int] = mapped_column(ForeignKey("environments.id", ondelete="CASCADE"))
    version: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    definition: Mapped[dict]
    spec: Mapped[dict | None]
    source_yaml: Mapped[str]
    warnings: Mapped[list] = mapped_column(default=list)
    archived: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    environment: Mapped[Environment] = relationship(lazy="joined")


class EnvironmentBuild(Base):
    """The newest build of a digest. `state` is Building, Ready or Failed, `packages` pairs of name and version.

    `error` is one sentence, `package` the one that is to blame. The builder renews `lease_expires_at` while it works.
    """

    __tablename__ = "environment_builds"

    digest: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str]
    python_version: Mapped[str | None]
    packages: Mapped[list] = mapped_column(default=list)
    error: Mapped[str | None]
    package: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    lease_expires_at: Mapped[datetime | None]


class ImageEnvironment(Base):
    """An image, `*` standing for anything, and the environment in which its jobs run."""

    __tablename__ = "image_environments"
    __table_args__ = (UniqueConstraint("workspace_id", "image"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    image: Mapped[str]
    environment: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
