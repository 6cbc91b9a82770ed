"""Everything that changes a component."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assets.names import check_name, check_version, next_version
from app.components import queries
from app.components.tables import Component, ComponentVersion
from app.environments import resolving
from app.errors import AlreadyExists, Invalid
from app.jobs.components import read_component
from app.jobs.inputs import code_key
from app.jobs.specification import Component as Command
from app.kit.clock import now


def create(
    session: Session, workspace_id: int, yaml: str, uploads: dict[str, str] | None = None, *, created_by: str
) -> ComponentVersion:
    """Take in a component file as a new version, numbered by itself where the file does not say one.

    `uploads` says where the file's local paths were uploaded to. Raises Invalid that says which field and line
    is wrong, and AlreadyExists for a version that there is: versions do not change.
    """
    spec = read_component(session, workspace_id, yaml, uploads or {})
    if not spec.name:
        raise Invalid("name: it is missing; a component is named, such as `name: train`.", target="name")
    check_name(spec.name)
    if isinstance(spec, Command):
        _check_found(workspace_id, spec)
    component = queries.find(session, workspace_id, spec.name) or _new(session, workspace_id, spec.name)
    version = _version(session, component, spec.version)
    made = ComponentVersion(
        component_id=component.id,
        version=version,
        type=spec.type,
        display_name=spec.display_name or spec.name,
        description=spec.description or "",
        tags=dict(spec.tags),
        spec=spec.to_dict() | {"version": version},
        source_yaml=yaml,
        warnings=list(spec.warnings),
        created_by=created_by,
    )
    made.component = component
    session.add(made)
    component.updated_at, component.archived = now(), False
    session.flush()
    return made


def _check_found(workspace_id: int, spec: Command) -> None:
    if spec.code:
        code_key(workspace_id, spec.code)
    resolving.resolve(spec.environment)


def _new(session: Session, workspace_id: int, name: str) -> Component:
    component = Component(workspace_id=workspace_id, name=name)
    session.add(component)
    session.flush()
    return component


def _version(session: Session, component: Component, wanted: str | None) -> str:
    if wanted is None:
        of_it = select(ComponentVersion.version).where(ComponentVersion.component_id == component.id)
        return next_version(list(session.scalars(of_it)))
    if queries.has_version(session, component, check_version(wanted)):
        raise AlreadyExists(
            f"Component {component.name!r} has a version {wanted!r} already, and versions do not change; leave "
            "`version` out for the next one.",
            target="version",
        )
    return wanted


def change(
    version: ComponentVersion,
    *,
    display_name: str | None = None,
    description: str | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """What a version is called and how it is described; what it runs never changes."""
    version.display_name = display_name or version.display_name
    version.description = version.description if description is None else description
    version.tags = version.tags if tags is None else tags


def archive(item: Component | ComponentVersion, archived: bool) -> None:
    """Take a component or one version out of the lists, or bring it back; jobs that name it go on as before."""
    item.archived = archived
    if isinstance(item, Component):
        item.updated_at = now()
