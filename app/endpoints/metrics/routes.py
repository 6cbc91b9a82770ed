"""REST for what was measured of online endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.access.guard import CallerDep, allow
from app.endpoints import queries as endpoints
from app.endpoints.metrics import queries
from app.endpoints.metrics.curves import CURVES
from app.endpoints.permissions import READ
from app.web.session import SessionDep

router = APIRouter(prefix="/api/online-endpoints", tags=["online endpoints"])


@router.get("/{endpoint}/metrics", dependencies=[allow(READ)])
def metrics(
    endpoint: str,
    session: SessionDep,
    caller: CallerDep,
    range: str = "1h",
    key: Annotated[list[str] | None, Query()] = None,
    deployment: str = "",
    after: int | None = None,
) -> dict:
    """Curves of the metrics `key` (all, if none is named) over 1h, 24h, 7d or 30d.

    A point is `[number, milliseconds, value]`; the last one may still grow. `after` is the `next` of an earlier
    answer and leaves out what that had.
    """
    found = endpoints.get(session, caller.workspace.id, endpoint)
    window = queries.Window.of(range, after)
    series = queries.curves(session, found, key or CURVES, window, deployment)
    return {"series": series, "seconds": window.seconds, "next": window.closed, "final": False}


@router.get("/{endpoint}/metrics/summary", dependencies=[allow(READ)])
def summary(endpoint: str, session: SessionDep, caller: CallerDep, range: str = "1h") -> dict[str, dict]:
    """What the range holds together, by deployment; "" are requests that were refused before one was chosen."""
    found = endpoints.get(session, caller.workspace.id, endpoint)
    return queries.summary(session, found, queries.Window.of(range))
