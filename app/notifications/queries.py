"""Reads of deliveries."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.kit.paging import Page, paginate
from app.notifications.tables import Delivery, State


def get(session: Session, workspace_id: int, delivery_id: str) -> Delivery:
    found = session.get(Delivery, delivery_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound(f"There is no delivery {delivery_id!r} in this workspace.", target="id")
    return found


def page(
    session: Session, workspace_id: int, *, source: str = "", source_id: str = "", status: str = "",
    number: int = 1, size: int = 50,
) -> Page:  # fmt: skip
    """Deliveries, newest first."""
    found = select(Delivery).where(Delivery.workspace_id == workspace_id)
    if source:
        found = found.where(Delivery.source == source)
    if source_id:
        found = found.where(Delivery.source_id == source_id)
    if status:
        found = found.where(Delivery.status == _state(status))
    return paginate(session, found.order_by(Delivery.created_at.desc(), Delivery.id.desc()), number, size)


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError as error:
        raise Invalid(
            f"status: {text!r} is no state of a delivery; {', '.join(State)} are.", target="status"
        ) from error
