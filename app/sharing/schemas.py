"""Registries as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RegistryRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    location: str
    description: str
    tags: dict[str, str]
    requires_approval: bool
    created_by: str
    created_at: datetime


class RegistryMade(RegistryRead):
    warnings: list[str] = Field(default_factory=list)


class Sent(BaseModel):
    """The YAML file of a registry as text."""

    yaml: str


class Shared(BaseModel):
    """A version of an asset of this workspace, and what it is called in the registry, where that is not the same."""

    name: str
    version: str
    share_with_name: str | None = None
    share_with_version: str | None = None


class Asked(Shared):
    """A version that a registry is asked to take in."""

    kind: str = Field(description="models, data, components or environments.")
    reason: str = Field("", max_length=2000)


class Decision(BaseModel):
    comment: str = Field("", max_length=2000)


class PromotionRead(BaseModel):
    """`state` is Pending, Approved, Refused or Withdrawn; `id` is the number by which it is decided on."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    registry: str
    workspace: str
    kind: str
    name: str
    version: str
    share_with_name: str
    share_with_version: str
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    comment: str

    @classmethod
    def of(cls, found: Any) -> "PromotionRead":
        own = {name: getattr(found, name) for name in cls.model_fields if name not in ("registry", "workspace")}
        return cls(registry=found.place.name, workspace=found.workspace.name, **own)


class AssetRead(BaseModel):
    """A version in a registry: the fields of its kind, and `id`, by which job files name it."""

    model_config = ConfigDict(extra="allow")

    id: str
    registry: str
    name: str
    version: str
