"""Data assets: named, versioned files and folders that jobs read and write."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Enum, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now


class DataAsset(Base):
    __tablename__ = "data_assets"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    type: Mapped[str]
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class DataVersion(Base):
    """`path` is an `azureml://datastores/…` address or a URL of elsewhere."""

    __tablename__ = "data_versions"
    __table_args__ = (UniqueConstraint("asset_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("data_assets.id", ondelete="CASCADE"))
    version: Mapped[str]
    path: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    properties: Mapped[dict] = mapped_column(default=dict)
    archived: Mapped[bool] = mapped_column(default=False)
    file_count: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    asset: Mapped[DataAsset] = relationship(lazy="joined")


class ProfileState(StrEnum):
    WAITING = "Waiting"
    COMPLETED = "Completed"
    FAILED = "Failed"


_StateText = Enum(ProfileState, native_enum=False, length=16, values_callable=lambda all: [one.value for one in all])


class DataProfile(Base):
    """What a worker found in the columns of a version: of one file of it, or with the path '' of all that belong
    together. Whoever makes it has until `claimed_until`."""

    __tablename__ = "data_profiles"
    __table_args__ = (UniqueConstraint("version_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("data_versions.id", ondelete="CASCADE"))
    path: Mapped[str]
    state: Mapped[ProfileState] = mapped_column(_StateText, default=ProfileState.WAITING, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    result: Mapped[dict | None]
    error: Mapped[str | None]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    version: Mapped[DataVersion] = relationship(lazy="joined")
