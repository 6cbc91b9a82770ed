"""Everything that changes a component."""

from sqlalchemy.orm import Session

from app.assets.names import check_name
from app.components.queries import COMPONENTS
from app.components.tables import ComponentVersion
from app.environments import resolving
from app.errors import Invalid
from app.jobs.components import read_component
from app.jobs.inputs import code_key
from app.jobs.specification import Component as Command


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
        _check_found(session, workspace_id, spec)
    made = COMPONENTS.add(
        session,
        workspace_id,
        spec.name,
        spec.version,
        type=spec.type,
        display_name=spec.display_name or spec.name,
        description=spec.description or "",
        tags=dict(spec.tags),
        spec=spec.to_dict(),
        source_yaml=yaml,
        warnings=list(spec.warnings),
        created_by=created_by,
    )
    made.spec = made.spec | {"version": made.version}
    session.flush()
    return made


def _check_found(session: Session, workspace_id: int, spec: Command) -> None:
    if spec.code:
        code_key(workspace_id, spec.code)
    resolving.resolve(session, workspace_id, spec.environment)


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
