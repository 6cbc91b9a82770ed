"""The one source of the time, so that tests can move it."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime.fromtimestamp(0, UTC)


def now() -> datetime:
    return datetime.now(UTC)


def milliseconds(at: datetime | None) -> int:
    """Unix time in milliseconds, 0 for none, as MLflow counts."""
    return (at - _EPOCH) // timedelta(milliseconds=1) if at else 0


def from_milliseconds(value: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=value)
