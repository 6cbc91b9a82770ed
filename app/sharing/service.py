"""Makes and deletes registries, and shares versions of a workspace's assets to them."""

from typing import Any

from sqlalchemy.orm import Session

from app.access.tables import Workspace
from app.assets.addresses import Elsewhere, parse, stored_address
from app.assets.names import check_name, check_version
from app.components.queries import COMPONENTS
from app.components.tables import ComponentVersion
from app.data import files as data_files
from app.data import service as data
from app.data.tables import DataVersion
from app.environments.queries import ENVIRONMENTS
from app.environments.tables import EnvironmentVersion
from app.errors import AlreadyExists
from app.jobs import discarding
from app.models import service as models
from app.models.sources import Source
from app.models.tables import ModelVersion
from app.registries import queries
from app.registries.definition import Definition
from app.registries.files import bring
from app.registries.tables import Registry
from app.sharing import kinds

CURATED = "azureml"
RESERVED = (CURATED, "new", "share")


def create(session: Session, new: Definition, *, created_by: str) -> Registry:
    """A registry, or the one of that name with what the file says of it now."""
    if new.name in RESERVED:
        raise AlreadyExists(f"name: {new.name!r} is a name that the server uses itself; choose another.", target="name")
    registry = queries.find(session, new.name)
    if registry is None:
        home = Workspace(name=f"registry:{new.name}", display_name=new.name, is_registry=True)
        session.add(home)
        session.flush()
        registry = Registry(workspace_id=home.id, name=new.name, created_by=created_by)
        session.add(registry)
    registry.description, registry.location, registry.tags = new.description, new.location, new.tags
    if new.requires_approval is not None:
        registry.requires_approval = new.requires_approval
    session.flush()
    return registry


def delete(session: Session, registry: Registry) -> None:
    """With all that is in it: jobs that ran keep what they say, and new ones do not find it any more."""
    home = session.get_one(Workspace, registry.workspace_id)
    discarding.discard(session, f"workspaces/{home.id}")
    session.delete(registry)
    session.flush()
    session.delete(home)
    session.flush()


def share(
    session: Session,
    kind: str,
    found: Any,
    registry: Registry,
    *,
    workspace: str,
    shared_by: str,
    name: str | None = None,
    version: str | None = None,
) -> Any:
    """A copy of a version, files included, under its own name and number or those that are given.

    Raises AlreadyExists for a version that the registry has: what was shared does not change.
    """
    versioned = kinds.get(kind).versioned
    owner = versioned.owner_of(found)
    name = check_name(name or owner.name, "share_with_name")
    version = check_version(str(version or getattr(found, "called", None) or found.version), "share_with_version")
    check_free(session, kind, registry, name, version)
    origin = f"azureml://locations/{workspace}/workspaces/{workspace}/{kind}/{owner.name}/versions/{found.version}"
    return _SHARED[kind](session, found, registry.workspace_id, name, version, origin, shared_by)


def check_free(session: Session, kind: str, registry: Registry, name: str, version: str) -> None:
    """Raises AlreadyExists for a version that the registry has."""
    versioned = kinds.get(kind).versioned
    there = versioned.find(session, registry.workspace_id, name)
    if there and session.scalar(versioned.of(there).where(versioned.is_version(version))):
        raise AlreadyExists(
            f"share_with_version: the registry {registry.name!r} has a version {version!r} of {name!r} already, and "
            "versions do not change; give another.",
            target="share_with_version",
        )


def _share_model(
    session: Session, found: ModelVersion, home: int, name: str, version: str, origin: str, shared_by: str
) -> ModelVersion:
    return models.register(
        session, workspace_id=home, name=name, source=origin, files=Source(found.path), type=found.type,
        description=found.description, tags=found.tags, properties=found.properties, version=version,
        created_by=shared_by,
    )  # fmt: skip


def _share_data(
    session: Session, found: DataVersion, home: int, name: str, version: str, origin: str, shared_by: str
) -> DataVersion:
    path = found.path
    if not isinstance(parse(path), Elsewhere):
        path = f"data/{name}/{version}/{path.rstrip('/').rpartition('/')[2]}"
        data_files.copy(data_files.of_version(session, found.asset.workspace_id, found), f"workspaces/{home}/{path}")
        path = stored_address(path)
    return data.register(
        session, home, name, found.asset.type, path, version=version, description=found.description, tags=found.tags,
        properties={**found.properties, "shared_from": origin}, created_by=shared_by,
    )  # fmt: skip


def _share_component(
    session: Session, found: ComponentVersion, home: int, name: str, version: str, origin: str, shared_by: str
) -> ComponentVersion:
    spec = bring(found.spec, found.component.workspace_id, home)
    properties = {**spec.get("properties", {}), "shared_from": origin}
    return COMPONENTS.add(
        session,
        home,
        name,
        version,
        type=found.type,
        display_name=found.display_name,
        description=found.description,
        tags=found.tags,
        spec=spec | {"name": name, "version": version, "properties": properties},
        source_yaml=found.source_yaml,
        warnings=found.warnings,
        created_by=shared_by,
    )


def _share_environment(
    session: Session, found: EnvironmentVersion, home: int, name: str, version: str, origin: str, shared_by: str
) -> EnvironmentVersion:
    return ENVIRONMENTS.add(
        session,
        home,
        name,
        version,
        description=found.description,
        tags=found.tags,
        definition=bring(found.definition, found.environment.workspace_id, home) | {"shared_from": origin},
        spec=found.spec and found.spec | {"version": version},
        source_yaml=found.source_yaml,
        warnings=found.warnings,
        created_by=shared_by,
    )


_SHARED = {
    "models": _share_model,
    "data": _share_data,
    "components": _share_component,
    "environments": _share_environment,
}
