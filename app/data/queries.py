"""Reads of data assets."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.data.tables import DataAsset, DataVersion
from app.errors import NotFound
from app.kit.paging import Page

SORTS = {"name": DataAsset.name, "created": DataAsset.created_at, "updated": DataAsset.updated_at}


def find(session: Session, workspace_id: int, name: str) -> DataAsset | None:
    return session.scalar(select(DataAsset).where(DataAsset.workspace_id == workspace_id, DataAsset.name == name))


def get(session: Session, workspace_id: int, name: str) -> DataAsset:
    asset = find(session, workspace_id, name)
    if asset is None:
        raise NotFound(f"There is no data asset {name!r}.", target="name")
    return asset


def versions(session: Session, asset: DataAsset) -> Sequence[DataVersion]:
    """Newest first."""
    return session.scalars(
        select(DataVersion).where(DataVersion.asset_id == asset.id).order_by(DataVersion.id.desc())
    ).all()


def get_version(
    session: Session, workspace_id: int, name: str, version: str | None, label: str | None = None
) -> DataVersion:
    """One version; the newest where `label` is `latest` or nothing is said."""
    asset = get(session, workspace_id, name)
    found = select(DataVersion).where(DataVersion.asset_id == asset.id)
    if version is not None:
        found = found.where(DataVersion.version == version)
    elif label not in (None, "latest"):
        raise NotFound(f"Data asset {name!r} has no label {label!r}; the only label is 'latest'.", target="label")
    row = session.scalar(found.order_by(DataVersion.id.desc()).limit(1))
    if row is None:
        known = ", ".join(item.version for item in versions(session, asset)[:10])
        raise NotFound(f"Data asset {name!r} has no version {version!r}; it has {known}.", target="version")
    return row


def page(
    session: Session,
    workspace_id: int,
    *,
    text: str = "",
    sort: str = "-updated",
    archived: bool = False,
    number: int = 1,
    size: int = 50,
) -> Page:
    """Assets with their newest version, as rows `(DataAsset, DataVersion)`."""
    newest = (
        select(DataVersion.asset_id, func.max(DataVersion.id).label("id")).group_by(DataVersion.asset_id).subquery()
    )
    found = (
        select(DataAsset, DataVersion)
        .join(newest, newest.c.asset_id == DataAsset.id)
        .join(DataVersion, DataVersion.id == newest.c.id)
        .where(DataAsset.workspace_id == workspace_id, DataAsset.archived == archived)
    )
    if text:
        found = found.where(DataAsset.name.icontains(text, autoescape=True))
    total = session.scalar(select(func.count()).select_from(found.subquery()))
    column = SORTS.get(sort.removeprefix("-"), DataAsset.updated_at)
    order = column.desc() if sort.startswith("-") else column.asc()
    rows = session.execute(found.order_by(order, DataAsset.id).offset((number - 1) * size).limit(size)).all()
    return Page(rows, total, number, size)
