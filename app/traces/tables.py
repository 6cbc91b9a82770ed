"""A trace, the spans that it is made of, and what people and programs think of it."""

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.experiments.tables import Experiment, Filed


class Trace(Filed, Base):
    """`name` is the id that its client gave it, `tr-` and 32 hexadecimal digits. Times are Unix milliseconds.

    `is_complete` says that the client sent the trace's own description, which then stands over
    whatever its spans would say.
    """

    __tablename__ = "traces"
    __table_args__ = (
        UniqueConstraint("workspace_id", "name"),
        Index(None, "experiment_id", "started_ms"),
        Index(None, "workspace_id", "started_ms"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    name: Mapped[str]
    client_request_id: Mapped[str | None]
    title: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="IN_PROGRESS")
    started_ms: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    request_preview: Mapped[str | None]
    response_preview: Mapped[str | None]
    span_count: Mapped[int] = mapped_column(default=0)
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    total_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cache_read_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cache_creation_tokens: Mapped[int | None] = mapped_column(BigInteger)
    is_complete: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    experiment: Mapped[Experiment] = relationship()
    tags: Mapped[list["TraceTag"]] = relationship(passive_deletes=True, order_by="TraceTag.key")
    details: Mapped[list["TraceMetadata"]] = relationship(passive_deletes=True, order_by="TraceMetadata.key")
    assessments: Mapped[list["Assessment"]] = relationship(passive_deletes=True, order_by="Assessment.id")


class TraceTag(Base):
    __tablename__ = "trace_tags"

    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class TraceMetadata(Base):
    """What MLflow calls trace metadata: set while the trace is made, and never after."""

    __tablename__ = "trace_metadata"

    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class TraceRun(Base):
    """That a trace belongs to a run."""

    __tablename__ = "trace_runs"

    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, index=True)


class Span(Base):
    """`content` is JSON text: attributes, events, links and so on, see `app.traces.spans`.

    Times are Unix nanoseconds, costs US dollars.
    Text and not the database's JSON, which on PostgreSQL refuses a NUL in what a model said.
    """

    __tablename__ = "trace_spans"

    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)
    span_id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str]
    name: Mapped[str]
    type: Mapped[str]
    status: Mapped[str]
    start_ns: Mapped[int] = mapped_column(BigInteger)
    end_ns: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    total_tokens: Mapped[int | None] = mapped_column(BigInteger)
    model: Mapped[str | None]
    provider: Mapped[str | None]
    input_cost: Mapped[float | None]
    output_cost: Mapped[float | None]
    total_cost: Mapped[float | None]
    content: Mapped[str] = mapped_column(Text)


class Assessment(Base):
    """What somebody thinks of a trace or a span of it. `value` is JSON text, `number` its value if it is one."""

    __tablename__ = "trace_assessments"
    __table_args__ = (Index(None, "trace_id"), Index(None, "name", "kind"))

    id: Mapped[str] = mapped_column(primary_key=True)
    trace_id: Mapped[int] = mapped_column(ForeignKey("traces.id", ondelete="CASCADE"))
    kind: Mapped[str]
    name: Mapped[str]
    span_id: Mapped[str | None]
    source_type: Mapped[str]
    source_id: Mapped[str]
    value: Mapped[str] = mapped_column(Text)
    number: Mapped[float | None]
    error: Mapped[dict | None]
    rationale: Mapped[str | None]
    details: Mapped[dict] = mapped_column(default=dict)
    overrides: Mapped[str | None]
    valid: Mapped[bool] = mapped_column(default=True)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
