"""Registries as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class RegistryRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    location: str
    description: str
    tags: dict[str, str]
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


class AssetRead(BaseModel):
    """A version in a registry: the fields of its kind, and `id`, by which job files name it."""

    model_config = ConfigDict(extra="allow")

    id: str
    registry: str
    name: str
    version: str
