"""The audit record: who did what to which thing, when, and from where."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now


class AuditRecord(Base):
    """One write. `workspace_id` is no foreign key: the record outlives what it tells of."""

    __tablename__ = "audit_records"
    __table_args__ = (Index(None, "workspace_id", "at"), Index(None, "target_type", "target_name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    workspace_id: Mapped[int | None]
    actor: Mapped[str]
    credential: Mapped[str]
    action: Mapped[str]
    target_type: Mapped[str | None]
    target_name: Mapped[str | None]
    request_id: Mapped[str | None]
    address: Mapped[str | None]
    before: Mapped[dict | None]
    after: Mapped[dict | None]
