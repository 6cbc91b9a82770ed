"""Environments as they look over REST: the field names of CLI v2 YAML."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.environments.standing import Standing
from app.environments.tables import EnvironmentVersion, ImageEnvironment


class EnvironmentCreate(BaseModel):
    """An environment file as text, and what its local paths hold.

    `uploads` has the text of the conda file and the address to which the build context was uploaded:
    `{"conda.yml": "dependencies: …", "./context": "azureml://…"}`.
    """

    yaml: str
    uploads: dict[str, str] = Field(default_factory=dict)


class EnvironmentChange(BaseModel):
    """`labels` are all labels of the version; each is taken from the version that had it."""

    description: str | None = None
    tags: dict[str, str] | None = None
    labels: list[str] | None = None


class BuildRead(BaseModel):
    """`packages` are names and versions: exact ones when `state` is Ready, before that as they are asked for."""

    state: str
    digest: str
    python_version: str
    packages: dict[str, str]
    seconds: float | None
    error: str | None

    @classmethod
    def of(cls, found: Standing) -> "BuildRead":
        own = {name: getattr(found, name) for name in cls.model_fields}
        return cls(**own | {"packages": dict(found.packages)})


class EnvironmentRead(BaseModel):
    """`stage` is Curated for those that Atelier brings, else Custom."""

    name: str
    version: str
    stage: str = "Custom"
    description: str
    labels: list[str] = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    image: str | None = None
    conda_file: dict | None = None
    build: dict | None = None
    inference_config: dict | None = None
    os_type: str = "linux"
    warnings: list[str] = Field(default_factory=list)
    archived: bool = False
    created_by: str = ""
    created_at: datetime | None = None

    @classmethod
    def of(cls, found: EnvironmentVersion) -> "EnvironmentRead":
        own = {name: getattr(found, name) for name in cls.model_fields if hasattr(found, name)}
        told = {name: found.definition.get(name) for name in ("image", "conda_file", "build", "inference_config")}
        environment = found.environment
        labels = sorted(label for label, version in environment.labels.items() if version == found.version)
        archived = found.archived or environment.archived
        return cls(**{**own, **told, "name": environment.name, "labels": labels, "archived": archived})


class ImageWrite(BaseModel):
    """`image` may hold `*` for anything; `environment` is a reference such as azureml:NAME@latest."""

    image: str
    environment: str


class ImageRead(BaseModel):
    """`id` is None for those that Atelier brings, which a workspace's own come before."""

    id: int | None = None
    image: str
    environment: str
    created_by: str | None = None
    created_at: datetime | None = None

    @classmethod
    def of(cls, found: ImageEnvironment) -> "ImageRead":
        return cls(**{name: getattr(found, name) for name in cls.model_fields})
