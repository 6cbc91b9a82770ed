"""Which job ran a step of which pipeline, and by what a step is told from another."""

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class PipelineStep(Base):
    """A step that was started: `job_id` is the job that runs it, the `attempt`-th of this step, from 0.

    `parts` are what a step is made of, each a short text or a digest, and `digest` is of all of them: a step with
    the same digest may take over the outputs of this one where it `is_reusable`. `kind` is what steps that are
    compared have in common: the component's name, else that of the step. An attempt that a retry gave up is
    `is_superseded`.
    """

    __tablename__ = "pipeline_steps"
    __table_args__ = (
        UniqueConstraint("pipeline_id", "step", "attempt"),
        Index(None, "workspace_id", "digest"),
        Index(None, "workspace_id", "kind", "job_id"),
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    step: Mapped[str]
    attempt: Mapped[int] = mapped_column(default=0)
    is_superseded: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[str]
    digest: Mapped[str]
    parts: Mapped[dict] = mapped_column(default=dict)
    is_reusable: Mapped[bool] = mapped_column(default=False)
    reused_from: Mapped[str | None]
