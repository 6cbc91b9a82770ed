"""REST for the access log of online endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow
from app.endpoints import queries
from app.endpoints.access_log import reading
from app.endpoints.access_log.reading import Filter
from app.endpoints.permissions import READ
from app.web.session import SessionDep

router = APIRouter(prefix="/api/online-endpoints", tags=["online endpoints"])


@router.get("/{endpoint}/requests", dependencies=[allow(READ)])
def requests(
    endpoint: str,
    session: SessionDep,
    caller: CallerDep,
    deployment: str = "",
    status: str = "",
    request_id: str = "",
    before: str = "",
    size: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict:
    """Requests, the newest first; `status` is 503 or 5xx, `before` is the `next` of an earlier answer."""
    found = queries.get(session, caller.workspace.id, endpoint)
    value, after = reading.page(found, Filter(deployment, status, request_id), before, size)
    return {"value": value, "next": after}


@router.get("/{endpoint}/requests/download", dependencies=[allow(READ)])
def download(
    endpoint: str, session: SessionDep, caller: CallerDep, deployment: str = "", status: str = "", request_id: str = ""
) -> StreamingResponse:
    """All that is kept, as JSON lines."""
    found = queries.get(session, caller.workspace.id, endpoint)
    wanted = Filter(deployment, status, request_id)
    wanted.check()
    headers = {"Content-Disposition": f'attachment; filename="{found.name}-requests.jsonl"'}
    return StreamingResponse(reading.download(found, wanted), media_type="application/x-ndjson", headers=headers)
