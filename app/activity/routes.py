"""REST for the audit record."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from app.access.guard import CallerDep, allow
from app.activity import queries
from app.activity.permissions import READ
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/audit", tags=["audit"])


class AuditRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    at: datetime
    actor: str
    credential: str
    action: str
    target_type: str | None
    target_name: str | None
    before: dict | None
    after: dict | None
    request_id: str | None
    address: str | None


@router.get("", response_model=Listing[AuditRead], dependencies=[allow(READ)])
def audit(
    session: SessionDep,
    caller: CallerDep,
    actor: str = "",
    action: str = "",
    target: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    found = queries.records(
        session, caller.workspace.id, actor=actor, action=action, target=target, number=page, size=size
    )
    return listing(found)
