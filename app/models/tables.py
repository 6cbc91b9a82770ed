"""The model registry: registered models, their versions and aliases."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.kit.clock import now

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag with which MLflow marks a registered model, and each version of it, as a prompt."""

PROMPT_TEXT, PROMPT_TYPE = "mlflow.prompt.text", "_mlflow_prompt_type"


class RegisteredModel(Base):
    __tablename__ = "registered_models"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def is_prompt(self) -> bool:
        return self.tags.get(IS_PROMPT) == "true"


class ModelVersion(Base):
    """`path` is the storage key of the version's own copy of its files; `source` is where they came from.

    `called` is what Azure's files call a version that is no whole number to them, such as 1.0.0; to MLflow each version
    is a number. `type` is Azure's: mlflow_model, custom_model or triton_model. `signature` is MLflow's, decoded:
    `{"inputs": […], "outputs": […], "params": […]}`.
    """

    __tablename__ = "model_versions"
    __table_args__ = (UniqueConstraint("model_id", "version"), UniqueConstraint("model_id", "called"))

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("registered_models.id", ondelete="CASCADE"))
    version: Mapped[int]
    called: Mapped[str | None]
    type: Mapped[str]
    path: Mapped[str]
    source: Mapped[str]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    run_link: Mapped[str | None]
    logged_model: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    tags: Mapped[dict] = mapped_column(default=dict)
    properties: Mapped[dict] = mapped_column(default=dict)
    stage: Mapped[str] = mapped_column(default="None")
    status: Mapped[str] = mapped_column(default="READY")
    flavors: Mapped[dict] = mapped_column(default=dict)
    signature: Mapped[dict | None]
    input_example: Mapped[dict | None]
    file_count: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    archived: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    model: Mapped[RegisteredModel] = relationship(lazy="joined")

    @property
    def shown(self) -> str:
        return self.called or str(self.version)


class ModelAlias(Base):
    __tablename__ = "model_aliases"

    model_id: Mapped[int] = mapped_column(ForeignKey("registered_models.id", ondelete="CASCADE"), primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
