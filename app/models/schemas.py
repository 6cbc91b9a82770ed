"""Models as they look over REST: the field names of CLI v2 YAML, and what the server knows beside."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.models import queries
from app.models.tables import ModelVersion, RegisteredModel

SHOWN_VERSIONS = 100


class ModelCreate(BaseModel):
    name: str
    version: str | None = Field(
        None, description="A whole number, or a name such as 1.0.0; by default the next number."
    )
    type: str | None = Field(None, description="mlflow_model, custom_model or triton_model.")
    source: str = Field(
        description="azureml://jobs/JOB/outputs/NAME/paths/PATH, runs:/RUN/PATH, models:/…, or what an upload answered."
    )
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    properties: dict[str, str] = Field(default_factory=dict)


class ModelChange(BaseModel):
    description: str | None = None
    tags: dict[str, str] | None = None
    archived: bool | None = None


class VersionChange(ModelChange):
    stage: str | None = None


class AliasSet(BaseModel):
    version: str


class VersionRead(BaseModel):
    """`job` is the run that made it; `logged_model` is MLflow's id of the model that it was copied from."""

    name: str
    version: str
    type: str
    source: str
    job: str | None
    logged_model: str | None
    stage: str
    status: str
    aliases: list[str]
    description: str
    tags: dict[str, str]
    properties: dict
    flavors: dict
    signature: dict | None
    input_example: dict | None
    file_count: int
    size_bytes: int
    archived: bool
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, session: Session, versions: Sequence[ModelVersion]) -> list["VersionRead"]:
        aliases = queries.aliases(session, list({version.model_id for version in versions}))
        jobs = queries.job_names(session, versions)
        return [cls._one(version, jobs, aliases.get(version.model_id, [])) for version in versions]

    @classmethod
    def _one(cls, version: ModelVersion, jobs: dict[int, str], aliases: list[tuple[str, int]]) -> "VersionRead":
        other = {"name", "version", "job", "aliases", "archived"}
        own = {name: getattr(version, name) for name in cls.model_fields if name not in other}
        return cls(
            **own,
            name=version.model.name,
            version=version.shown,
            job=jobs.get(version.job_id),
            aliases=[alias for alias, number in aliases if number == version.version],
            archived=version.archived or version.model.archived,
        )


class ModelRow(BaseModel):
    """A registered model in a list, with its newest version."""

    name: str
    version: str | None
    type: str | None
    description: str
    tags: dict[str, str]
    archived: bool
    created_by: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, model: RegisteredModel, newest: ModelVersion | None) -> "ModelRow":
        own = {name: getattr(model, name) for name in ("name", "tags", "archived", "created_at", "updated_at")}
        return cls(
            **own,
            version=newest.shown if newest else None,
            type=newest.type if newest else None,
            description=model.description or (newest.description if newest else ""),
            created_by=newest.created_by if newest else None,
        )


class ModelRead(BaseModel):
    """A registered model with its newest versions; `/versions` has all of them."""

    name: str
    description: str
    tags: dict[str, str]
    archived: bool
    latest_version: str | None
    aliases: dict[str, str]
    versions: list[VersionRead]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, session: Session, model: RegisteredModel) -> "ModelRead":
        versions = queries.versions(session, model, size=SHOWN_VERSIONS).rows
        newest = queries.MODELS.newest(session, [model.id]).get(model.id)
        own = {
            name: getattr(model, name)
            for name in ("name", "description", "tags", "archived", "created_at", "updated_at")
        }
        return cls(
            **own,
            latest_version=newest.shown if newest and not newest.archived else None,
            aliases={alias: str(number) for alias, number in queries.aliases(session, [model.id]).get(model.id, [])},
            versions=VersionRead.of(session, versions),
        )
