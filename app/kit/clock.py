"""The one source of the time, so that tests can move it."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime.fromtimestamp(0, UTC)


def now() -> datetime:
    return datetime.now(UTC)


def milliseconds(at: datetime | None) -> int:
    """Unix time in milliseconds, 0 for none, as MLflow counts."""
    return (at - _EPOCH) // timedelta(milliseconds=1) if at else 0


def from_milliseconds(value: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=value)


def until_next(seconds: float) -> float:
    """How long to rest where something comes every so many seconds.

    All processes of a machine wake at the same moments: a processor that was asleep costs once what one wake-up costs.
    """
    left = seconds - time.monotonic() % seconds
    # A timer may be a little early.
    return left if left > seconds / 10 else left + seconds
