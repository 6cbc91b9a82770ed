"""Connections and datastores as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.connections.definitions import shown


class Sent(BaseModel):
    """The YAML file of a definition as text."""

    yaml: str


class DefinitionRead(BaseModel):
    """Beside these it has the fields of its type; `credentials` is what may be seen of them."""

    model_config = ConfigDict(extra="allow")

    name: str
    type: str
    description: str
    tags: dict[str, str]
    credentials: dict[str, str]
    warnings: list[str] = Field(default_factory=list)
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: Any, warnings: list[str] | None = None) -> "DefinitionRead":
        written = {name: getattr(found, name) for name in ("created_by", "created_at", "updated_at")}
        return cls(**shown(found), **written, warnings=warnings or [])
