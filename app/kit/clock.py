"""The one source of the time, so that tests can move it."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def milliseconds(at: datetime | None) -> int:
    """Unix time in milliseconds, 0 for none, as MLflow counts."""
    return int(at.timestamp() * 1000) if at else 0


def from_milliseconds(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
