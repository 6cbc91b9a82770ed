"""Components as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.components.tables import ComponentVersion


class ComponentCreate(BaseModel):
    """A component file as text, and where its local paths were uploaded to: `{"./src": "azureml://…"}`."""

    yaml: str
    uploads: dict[str, str] = Field(default_factory=dict)


class ComponentChange(BaseModel):
    display_name: str | None = Field(None, max_length=255)
    description: str | None = None
    tags: dict[str, str] | None = None


class ComponentRead(BaseModel):
    name: str
    version: str
    type: str
    display_name: str
    description: str
    tags: dict[str, str]
    properties: dict[str, str]
    is_deterministic: bool
    inputs: dict
    outputs: dict
    command: str | None
    jobs: dict
    code: str | None
    environment: str | dict | None
    resources: dict
    distribution: dict
    warnings: list[str]
    archived: bool
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, found: ComponentVersion) -> "ComponentRead":
        own = {name: getattr(found, name) for name in cls.model_fields if hasattr(found, name)}
        told = {name: found.spec.get(name) for name in ("command", "code", "environment", "is_deterministic")}
        mappings = {name: found.spec.get(name, {}) for name in _MAPPINGS}
        archived = found.archived or found.component.archived
        return cls(**{**own, **told, **mappings, "name": found.component.name, "archived": archived})


_MAPPINGS = ("properties", "inputs", "outputs", "resources", "distribution", "jobs")
