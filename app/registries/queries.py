"""Reads of registries."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assets.addresses import AssetVersion
from app.errors import NotFound
from app.kit.paging import Page, ordering, paginate
from app.registries.tables import Registry


def find(session: Session, name: str) -> Registry | None:
    return session.scalar(select(Registry).where(Registry.name == name))


def get(session: Session, name: str) -> Registry:
    found = find(session, name)
    if found is None:
        raise NotFound(f"There is no registry {name!r}.", target="name")
    return found


def page(session: Session, *, text: str = "", sort: str = "name", number: int = 1, size: int = 50) -> Page:
    found = select(Registry)
    if text:
        found = found.where(Registry.name.icontains(text, autoescape=True))
    order = ordering(sort, {"name": Registry.name, "created": Registry.created_at})
    return paginate(session, found.order_by(order, Registry.id), number, size)


def home_of(session: Session, workspace_id: int, address: AssetVersion) -> int:
    """The id of the workspace in which an asset lies that is named in `workspace_id`."""
    return get(session, address.registry).workspace_id if address.registry else workspace_id
