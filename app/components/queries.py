"""Reads of components."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.assets import addresses
from app.components.tables import Component, ComponentVersion
from app.errors import Invalid, NotFound
from app.jobs import specification
from app.kit.paging import Page

SORTS = {"name": Component.name, "created": Component.created_at, "updated": Component.updated_at}


def find(session: Session, workspace_id: int, name: str) -> Component | None:
    return session.scalar(select(Component).where(Component.workspace_id == workspace_id, Component.name == name))


def get(session: Session, workspace_id: int, name: str) -> Component:
    component = find(session, workspace_id, name)
    if component is None:
        raise NotFound(f"There is no component {name!r}.", target="name")
    return component


def has_version(session: Session, component: Component, version: str) -> bool:
    found = select(ComponentVersion.id).where(ComponentVersion.component_id == component.id)
    return session.scalar(found.where(ComponentVersion.version == version)) is not None


def versions(session: Session, component: Component, *, number: int = 1, size: int = 50) -> Page:
    """Newest first, archived ones too."""
    found = select(ComponentVersion).where(ComponentVersion.component_id == component.id)
    total = session.scalar(found.with_only_columns(func.count(ComponentVersion.id)))
    rows = found.order_by(ComponentVersion.id.desc()).offset((number - 1) * size).limit(size)
    return Page(session.scalars(rows).all(), total, number, size)


def get_version(
    session: Session, workspace_id: int, name: str, version: str | None = None, label: str | None = None
) -> ComponentVersion:
    """One version; where `label` is `latest` or nothing is said, the newest that is not archived, if there is one."""
    component = get(session, workspace_id, name)
    found = select(ComponentVersion).where(ComponentVersion.component_id == component.id)
    if version is not None:
        found = found.where(ComponentVersion.version == version)
    elif label not in (None, "latest"):
        raise NotFound(f"Component {name!r} has no label {label!r}; the only label is 'latest'.", target="label")
    row = session.scalar(found.order_by(ComponentVersion.archived, ComponentVersion.id.desc()).limit(1))
    if row is None:
        known = ", ".join(item.version for item in versions(session, component, size=10).rows)
        raise NotFound(f"Component {name!r} has no version {version!r}; it has {known}.", target="version")
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
    """Components with their newest version, as rows `(Component, ComponentVersion)`."""
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        raise Invalid(f"sort: {sort!r} is not one of {', '.join(SORTS)}, with '-' for falling.", target="sort")
    found = select(Component).where(Component.workspace_id == workspace_id, Component.archived == archived)
    if text:
        found = found.where(Component.name.icontains(text, autoescape=True))
    total = session.scalar(found.with_only_columns(func.count(Component.id)))
    order = column.desc() if sort.startswith("-") else column.asc()
    shown = session.scalars(found.order_by(order, Component.id).offset((number - 1) * size).limit(size)).all()
    newest = _newest(session, [component.id for component in shown])
    return Page([(component, newest[component.id]) for component in shown], total, number, size)


def _newest(session: Session, component_ids: list[int]) -> dict[int, ComponentVersion]:
    of_these = ComponentVersion.component_id.in_(component_ids)
    ids = select(func.max(ComponentVersion.id)).where(of_these).group_by(ComponentVersion.component_id)
    found = session.scalars(select(ComponentVersion).where(ComponentVersion.id.in_(ids)))
    return {version.component_id: version for version in found}


def of_reference(session: Session, workspace_id: int, reference: str) -> specification.Component:
    """What `azureml:NAME:VERSION` or `azureml:NAME@latest` of a job means now."""
    address = addresses.parse(reference, "component")
    if not isinstance(address, addresses.AssetVersion) or address.kind not in (None, "components"):
        raise Invalid(
            f"component: {reference!r} names no component; write azureml:NAME:VERSION, azureml:NAME@latest or a path "
            "such as file:./train.yml.",
            target="component",
        )
    try:
        found = get_version(session, workspace_id, address.name, address.version, address.label)
    except NotFound as error:
        raise NotFound(f"component: {error.message}", target="component") from error
    return specification.load_component(found.spec, source_name=reference)
