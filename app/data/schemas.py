"""Data assets as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.data.tables import DataVersion


class DataCreate(BaseModel):
    name: str
    version: str | None = None
    type: str = "uri_folder"
    path: str = Field(description="An azureml://datastores/… address, as an upload answers it, or a URL.")
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, str] = Field(default_factory=dict)


class DataChange(BaseModel):
    description: str | None = None
    tags: dict[str, str] | None = None


class DataRead(BaseModel):
    name: str
    version: str
    type: str
    path: str
    description: str
    tags: dict
    properties: dict
    file_count: int
    size_bytes: int
    created_by: str
    created_at: datetime
    archived: bool

    @classmethod
    def of(cls, found: DataVersion) -> "DataRead":
        own = {name: getattr(found, name) for name in cls.model_fields if name not in ("name", "type", "archived")}
        archived = found.archived or found.asset.archived
        return cls(name=found.asset.name, type=found.asset.type, archived=archived, **own)


class Upload(BaseModel):
    uri: str
