"""What a run logs: parameters, metrics, the data that it read and the models that it made."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.experiments.tables import Experiment, Filed
from app.jobs.tables import Job
from app.kit.clock import now

_CLUSTERED = {"sqlite_with_rowid": False}


class Param(Base):
    __tablename__ = "params"
    __table_args__ = _CLUSTERED

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Configuration(Base):
    """The digest of a run's parameters without its seed: see `app.tracking.seeds`."""

    __tablename__ = "configurations"
    __table_args__ = (Index(None, "digest"),)

    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    digest: Mapped[int] = mapped_column(BigInteger)


class MetricHead(Base):
    """The last position given out in a run. Writers of one run take turns at this row, so that
    positions become visible in their order and a reader who asks for what came after one misses nothing.
    """

    __tablename__ = "metric_heads"

    job_id: Mapped[int] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(BigInteger)


class MetricBlock(Base):
    """The points of one series that came with one request, packed: see `app.tracking.metrics`."""

    __tablename__ = "metric_blocks"
    __table_args__ = _CLUSTERED

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    points: Mapped[bytes] = mapped_column(LargeBinary)


class LatestMetric(Base):
    """The point with the highest step of each series. A `value` of NULL is NaN, which SQLite cannot hold."""

    __tablename__ = "latest_metrics"
    __table_args__ = (Index(None, "key", "value"), _CLUSTERED)

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    step: Mapped[int] = mapped_column(BigInteger)
    timestamp: Mapped[int] = mapped_column(BigInteger)


class Dataset(Base):
    """Data as MLflow describes it: by name, digest and source, within an experiment."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("experiment_id", "name", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    digest: Mapped[str]
    source_type: Mapped[str]
    source: Mapped[str]
    schema: Mapped[str | None]
    profile: Mapped[str | None]


class DatasetInput(Base):
    """That a run read a dataset; `context` is the tag mlflow.data.context, such as training."""

    __tablename__ = "dataset_inputs"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True, index=True)
    context: Mapped[str | None]
    tags: Mapped[dict] = mapped_column(default=dict)
    dataset: Mapped[Dataset] = relationship(lazy="joined")


class LoggedModel(Filed, Base):
    """A model of MLflow 3: made by a run, or by none. `status` is MLflow's, without its prefix."""

    __tablename__ = "logged_models"
    __table_args__ = (Index(None, "experiment_id", "created_at"), Index(None, "workspace_id", "lifecycle_stage"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    name: Mapped[str]
    model_type: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="PENDING")
    lifecycle_stage: Mapped[str] = mapped_column(default="active")
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    job: Mapped[Job | None] = relationship()
    experiment: Mapped[Experiment] = relationship()
    tags: Mapped[list["LoggedModelTag"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)
    params: Mapped[list["LoggedModelParam"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class LoggedModelTag(Base):
    __tablename__ = "logged_model_tags"

    model_id: Mapped[str] = mapped_column(ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class LoggedModelParam(Base):
    __tablename__ = "logged_model_params"

    model_id: Mapped[str] = mapped_column(ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class LoggedModelMetric(Base):
    """The newest value of a metric that a run logged for a model, for each dataset that it was measured on."""

    __tablename__ = "logged_model_metrics"
    __table_args__ = (Index(None, "key", "value"),)

    model_id: Mapped[str] = mapped_column(ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, index=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    dataset_name: Mapped[str] = mapped_column(primary_key=True, default="")
    dataset_digest: Mapped[str] = mapped_column(primary_key=True, default="")
    value: Mapped[float | None]
    step: Mapped[int] = mapped_column(BigInteger)
    timestamp: Mapped[int] = mapped_column(BigInteger)


class RunModel(Base):
    """That a run read (`input`) or made (`output`) a logged model."""

    __tablename__ = "run_models"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(
        ForeignKey("logged_models.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    step: Mapped[int] = mapped_column(BigInteger, default=0)


class View(Base):
    """A run table under a name: `query` is that of its address. It is its maker's, or the workspace's if shared."""

    __tablename__ = "views"
    __table_args__ = (UniqueConstraint("workspace_id", "created_by", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    query: Mapped[str]
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    defaults: Mapped[list["DefaultView"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )


class DefaultView(Base):
    """The view in which the run table of an experiment opens."""

    __tablename__ = "default_views"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    view_id: Mapped[int] = mapped_column(ForeignKey("views.id", ondelete="CASCADE"), index=True)
    experiment: Mapped[Experiment] = relationship(lazy="joined")
