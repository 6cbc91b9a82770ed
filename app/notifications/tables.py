"""What is to be told to somebody outside, by mail or webhook, and what became of it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.kit.clock import now
from app.kit.ids import sortable


class State(StrEnum):
    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"


_StateText = Enum(State, native_enum=False, length=16, values_callable=lambda states: [item.value for item in states])


class Delivery(Base):
    """`id` goes with the message, so that a receiver knows one that comes twice.

    `source` is the kind of what sends (`alert` or `webhook`), `source_id` and `source_name` which one. `channel` is
    `email` or `webhook`; `target` an address or URL; `body` the text of the mail, or the JSON as it is posted.
    `secret` is encrypted and signs the body; `headers` is what the names of its headers begin with.
    `reason` says in one sentence why it was sent, `about` is the page of what it is about.
    `answer` is what was answered, or what went wrong, at the last attempt.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(None, "status", "next_attempt_at"),
        Index(None, "workspace_id", "created_at"),
        Index(None, "source", "source_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=sortable)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    source: Mapped[str]
    source_id: Mapped[str]
    source_name: Mapped[str]
    event: Mapped[str]
    reason: Mapped[str]
    about: Mapped[str | None]
    channel: Mapped[str]
    target: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    body: Mapped[str]
    secret: Mapped[str | None]
    headers: Mapped[str] = mapped_column(default="X-Atelier")
    status: Mapped[State] = mapped_column(_StateText, default=State.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(default=now)
    answer_status: Mapped[int | None]
    answer: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
