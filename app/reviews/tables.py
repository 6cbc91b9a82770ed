"""What people are asked about traces (label schemas), and the queues in which traces wait for them."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base, Json
from app.traces.tables import Trace


class LabelSchema(Base):
    """A question to reviewers; its answers are assessments of the same name.

    `type` is feedback or expectation. `input_type` is pass_fail, categorical, numeric or text, and `input`
    its settings as in MLflow's JSON. `is_default` marks the one question that an experiment always has.
    """

    __tablename__ = "label_schemas"
    __table_args__ = (UniqueConstraint("experiment_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    type: Mapped[str]
    instruction: Mapped[str | None]
    enable_comment: Mapped[bool] = mapped_column(Boolean, default=False)
    input_type: Mapped[str]
    input: Mapped[dict] = mapped_column(Json, default=dict)
    is_default: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str | None]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)


class ReviewQueue(Base):
    """`type` is user (the worklist of the person of that name, with all questions of the experiment) or custom.

    Names are unique whatever their case, by `name_key`.
    """

    __tablename__ = "review_queues"
    __table_args__ = (UniqueConstraint("experiment_id", "name_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    name_key: Mapped[str]
    type: Mapped[str]
    created_by: Mapped[str | None]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    users: Mapped[list["ReviewQueueUser"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ReviewQueueUser.name", lazy="selectin"
    )
    schemas: Mapped[list["ReviewQueueSchema"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ReviewQueueSchema.schema_id", lazy="selectin"
    )


class ReviewQueueUser(Base):
    """Who is asked to review; `name` is in small letters."""

    __tablename__ = "review_queue_users"

    queue_id: Mapped[str] = mapped_column(ForeignKey("review_queues.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True, index=True)


class ReviewQueueSchema(Base):
    """A question of a queue. It goes when its label schema is deleted."""

    __tablename__ = "review_queue_schemas"

    queue_id: Mapped[str] = mapped_column(ForeignKey("review_queues.id", ondelete="CASCADE"), primary_key=True)
    schema_id: Mapped[str] = mapped_column(
        ForeignKey("label_schemas.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class ReviewItem(Base):
    """A trace that waits in a queue: pending, complete or declined, by whoever of the queue comes first."""

    __tablename__ = "review_items"
    __table_args__ = (Index(None, "queue_id", "status", "created_ms"),)

    queue_id: Mapped[str] = mapped_column(ForeignKey("review_queues.id", ondelete="CASCADE"), primary_key=True)
    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True, index=True)
    status: Mapped[str] = mapped_column(default="pending")
    completed_by: Mapped[str | None]
    completed_ms: Mapped[int | None] = mapped_column(BigInteger)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    trace: Mapped[Trace] = relationship()


class Issue(Base):
    """What is wrong with an application, as its traces show. Traces are said to have it by assessments of its id."""

    __tablename__ = "trace_issues"
    __table_args__ = (Index(None, "experiment_id", "created_ms"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending")
    severity: Mapped[str | None]
    root_causes: Mapped[list] = mapped_column(default=list)
    categories: Mapped[list] = mapped_column(default=list)
    source_run: Mapped[str | None]
    created_by: Mapped[str | None]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
