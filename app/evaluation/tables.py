"""What models and agents are evaluated with: datasets of examples, and the scorers that judge."""

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.experiments.tables import Experiment


class EvaluationDataset(Base):
    """`id` is MLflow's, `d-` and 32 hexadecimal digits. Times are Unix milliseconds.

    `schema` is JSON text: the type of each field that a record ever had, see `app.evaluation.records`.
    One with `deleted_ms` is gone for everyone; its row stays until workers have deleted its records.
    """

    __tablename__ = "evaluation_datasets"
    __table_args__ = (Index(None, "workspace_id", "created_ms"), Index(None, "workspace_id", "name"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    digest: Mapped[str]
    schema: Mapped[str | None] = mapped_column(Text)
    record_count: Mapped[int] = mapped_column(default=0)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[str]
    updated_by: Mapped[str]
    deleted_ms: Mapped[int | None] = mapped_column(BigInteger)
    tags: Mapped[list["EvaluationDatasetTag"]] = relationship(passive_deletes=True, order_by="EvaluationDatasetTag.key")
    experiments: Mapped[list[Experiment]] = relationship(
        secondary="evaluation_dataset_uses", passive_deletes=True, order_by=Experiment.id
    )


class EvaluationDatasetTag(Base):
    __tablename__ = "evaluation_dataset_tags"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("evaluation_datasets.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class EvaluationDatasetUse(Base):
    """That a dataset is used in an experiment."""

    __tablename__ = "evaluation_dataset_uses"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("evaluation_datasets.id", ondelete="CASCADE"), primary_key=True)
    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class EvaluationRecord(Base):
    """One example; `id` counts up, so that it tells the order, and `name` is MLflow's: `dr-` and 32 digits.

    `inputs`, `outputs`, `expectations`, `tags` and `source` are JSON text, which may hold the NaN
    that the database's JSON refuses. `input_hash` is the SHA-256 of the inputs: a dataset holds
    the same inputs once.
    """

    __tablename__ = "evaluation_records"
    __table_args__ = (UniqueConstraint("dataset_id", "input_hash"), Index(None, "dataset_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("evaluation_datasets.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(unique=True)
    input_hash: Mapped[str]
    inputs: Mapped[str] = mapped_column(Text)
    outputs: Mapped[str | None] = mapped_column(Text)
    expectations: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[str] = mapped_column(Text, default="{}")
    source: Mapped[str | None] = mapped_column(Text)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[str]
    updated_by: Mapped[str]


class Scorer(Base):
    """A judge of answers, registered with an experiment, and how it is to score traces by itself.

    `online_id`, `sample_rate` (0 to 1) and `filter` are set where somebody said which traces it is to score.
    """

    __tablename__ = "scorers"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    online_id: Mapped[str | None]
    sample_rate: Mapped[float | None]
    filter: Mapped[str | None]
    experiment: Mapped[Experiment] = relationship()


class ScorerVersion(Base):
    """`content` is the scorer as MLflow serialises it, JSON text that the server never runs."""

    __tablename__ = "scorer_versions"

    scorer_id: Mapped[str] = mapped_column(ForeignKey("scorers.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[str]
    scorer: Mapped[Scorer] = relationship()
