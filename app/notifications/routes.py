"""REST for deliveries: what alerts and webhooks sent."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.access.guard import CallerDep, allow, note
from app.notifications import queries, service
from app.notifications.permissions import READ, WRITE
from app.notifications.schemas import DeliveryRead
from app.web.paging import Listing, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/deliveries", tags=["alerts"])


@router.get("", response_model=Listing[DeliveryRead], dependencies=[allow(READ)])
def deliveries(
    session: SessionDep,
    caller: CallerDep,
    source: str = "",
    source_id: str = "",
    status: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict:
    """Newest first; `source` is alert or webhook, `source_id` which one."""
    found = queries.page(
        session, caller.workspace.id, source=source, source_id=source_id, status=status, number=page, size=size
    )
    may_write = caller.can(WRITE.name)
    return listing(found, [DeliveryRead.of(delivery, may_write=may_write) for delivery in found.rows])


@router.get("/{delivery_id}", response_model=DeliveryRead, dependencies=[allow(READ)])
def read(delivery_id: str, session: SessionDep, caller: CallerDep) -> DeliveryRead:
    found = queries.get(session, caller.workspace.id, delivery_id)
    return DeliveryRead.of(found, may_write=caller.can(WRITE.name))


@router.post("/{delivery_id}/retry", response_model=DeliveryRead, dependencies=[allow(WRITE)])
def retry(delivery_id: str, session: SessionDep, caller: CallerDep) -> DeliveryRead:
    """Send one that has failed again."""
    found = queries.get(session, caller.workspace.id, delivery_id)
    service.retry(session, found)
    note(session, "deliveries", delivery_id, after={"status": found.status})
    return DeliveryRead.of(found, may_write=True)
