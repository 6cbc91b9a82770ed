"""Deliveries as they look over REST."""

from datetime import datetime
from urllib.parse import urlsplit

from pydantic import BaseModel

from app.notifications.tables import Delivery


class DeliveryRead(BaseModel):
    id: str
    source: str
    source_id: str
    source_name: str
    event: str
    reason: str
    about: str | None
    channel: str
    target: str
    status: str
    attempts: int
    next_attempt_at: datetime | None
    answer_status: int | None
    answer: str | None
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery, *, may_write: bool) -> "DeliveryRead":
        shown = {name: getattr(delivery, name) for name in cls.model_fields}
        shown["target"] = shown_target(delivery.target, may_write)
        if delivery.ended_at:
            shown["next_attempt_at"] = None
        return cls(**shown)


def shown_target(target: str, may_write: bool) -> str:
    """Who may only look does not learn the path of a URL, which is the secret of many receivers."""
    parts = urlsplit(target)
    return target if may_write or not parts.netloc else f"{parts.scheme}://{parts.netloc}/…"
