"""REST for registries and what is in them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.registries import definition, queries
from app.registries.permissions import MANAGE, READ, SHARE
from app.registries.tables import Registry
from app.sharing import kinds, promotions, routes_promotions, service
from app.sharing.schemas import AssetRead, RegistryMade, RegistryRead, Sent, Shared
from app.web.paging import Listing, PageNumber, PageSize, listing
from app.web.routing import include
from app.web.session import SessionDep
from app.web.stored_files import archive_answer
from app.web.yaml_bodies import yaml_body, yaml_body_of

router = APIRouter(prefix="/api/registries", tags=["registries"])
# Before the kinds of assets, whose addresses would also match.
include(router, routes_promotions.router)
ASSETS = "/{registry}/{kind}"


async def _sent(request: Request) -> Sent:
    return Sent.model_validate(await yaml_body_of(request))


@router.get("", response_model=Listing[RegistryRead], dependencies=[allow(READ)])
def registries(
    session: SessionDep, text: str = "", sort: str = "name", page: PageNumber = 1, size: PageSize = 50
) -> dict:
    return listing(queries.page(session, text=text, sort=sort, number=page, size=size))


@router.post(
    "", status_code=201, response_model=RegistryMade, dependencies=[allow(MANAGE)],
    openapi_extra=yaml_body("A registry file", Sent),
)  # fmt: skip
def create(new: Annotated[Sent, Depends(_sent)], session: SessionDep, caller: CallerDep) -> RegistryMade:
    """Make a registry, or change what is said about the one of that name."""
    wanted = definition.read(new.yaml)
    made = service.create(session, wanted, created_by=caller.user.name)
    note(session, "registries", made.name, after={"description": made.description, "location": made.location})
    return RegistryMade.model_validate(made).model_copy(update={"warnings": list(wanted.warnings)})


@router.get("/{registry}", response_model=RegistryRead, dependencies=[allow(READ)])
def show(registry: str, session: SessionDep) -> Registry:
    return queries.get(session, registry)


@router.delete("/{registry}", status_code=204, dependencies=[allow(MANAGE)])
def delete(registry: str, session: SessionDep) -> None:
    """Delete a registry with all that is in it."""
    note(session, "registries", registry)
    service.delete(session, queries.get(session, registry))


@router.get(ASSETS, response_model=Listing[AssetRead], dependencies=[allow(READ)])
def assets(
    registry: str, kind: str, session: SessionDep, text: str = "", sort: str = "-updated", page: PageNumber = 1,
    size: PageSize = 50,
) -> dict:  # fmt: skip
    """The newest version of each asset of a kind: models, data or components."""
    versioned, place = kinds.get(kind).versioned, queries.get(session, registry)
    found = versioned.page(session, place.workspace_id, text=text, sort=sort, number=page, size=size)
    return listing(found, [read(session, place, kind, version) for _, version in found.rows if version])


@router.post(ASSETS, status_code=201, response_model=AssetRead, dependencies=[allow(SHARE)])
def share(registry: str, kind: str, new: Shared, session: SessionDep, caller: CallerDep) -> AssetRead:
    """Copy a version of this workspace into the registry."""
    place = queries.get(session, registry)
    return read(session, place, kind, share_version(session, caller, place, kind, new))


@router.get(ASSETS + "/{name}/versions", response_model=Listing[AssetRead], dependencies=[allow(READ)])
def versions(
    registry: str, kind: str, name: str, session: SessionDep, page: PageNumber = 1, size: PageSize = 50
) -> dict:  # fmt: skip
    """Newest first."""
    versioned, place = kinds.get(kind).versioned, queries.get(session, registry)
    asset = versioned.get(session, place.workspace_id, name)
    found = versioned.versions(session, asset, number=page, size=size)
    return listing(found, [read(session, place, kind, version) for version in found.rows])


@router.get(ASSETS + "/{name}", response_model=AssetRead, dependencies=[allow(READ)])
def newest(registry: str, kind: str, name: str, session: SessionDep) -> AssetRead:
    place = queries.get(session, registry)
    return read(session, place, kind, kinds.get(kind).versioned.get_version(session, place.workspace_id, name))


@router.get(ASSETS + "/{name}/versions/{version}", response_model=AssetRead, dependencies=[allow(READ)])
def version(registry: str, kind: str, name: str, version: str, session: SessionDep) -> AssetRead:
    place = queries.get(session, registry)
    return read(session, place, kind, kinds.get(kind).versioned.get_version(session, place.workspace_id, name, version))


@router.get(
    ASSETS + "/{name}/versions/{version}/download", dependencies=[allow(READ)], response_class=StreamingResponse
)
def download(registry: str, kind: str, name: str, version: str, session: SessionDep) -> Response:
    """Every file of a model's version as a gzipped tar."""
    if kind != "models":
        raise Invalid("kind: only models are downloaded whole.", target="kind")
    home = queries.get(session, registry).workspace_id
    found = kinds.get(kind).versioned.get_version(session, home, name, version)
    return archive_answer(found.path, f"{name}-{found.version}")


@router.post(ASSETS + "/{name}/archive", response_model=AssetRead, dependencies=[allow(MANAGE)])
def archive(registry: str, kind: str, name: str, session: SessionDep) -> AssetRead:
    return set_archived(session, registry, kind, name, None, True)


@router.post(ASSETS + "/{name}/versions/{version}/archive", response_model=AssetRead, dependencies=[allow(MANAGE)])
def archive_version(registry: str, kind: str, name: str, version: str, session: SessionDep) -> AssetRead:
    return set_archived(session, registry, kind, name, version, True)


@router.post(ASSETS + "/{name}/restore", response_model=AssetRead, dependencies=[allow(MANAGE)])
def restore(registry: str, kind: str, name: str, session: SessionDep) -> AssetRead:
    return set_archived(session, registry, kind, name, None, False)


@router.post(ASSETS + "/{name}/versions/{version}/restore", response_model=AssetRead, dependencies=[allow(MANAGE)])
def restore_version(registry: str, kind: str, name: str, version: str, session: SessionDep) -> AssetRead:
    return set_archived(session, registry, kind, name, version, False)


def set_archived(
    session: Session, registry: str, kind: str, name: str, version: str | None, archived: bool
) -> AssetRead:
    """Take an asset or one version out of the lists of a registry, or bring it back; what names it goes on."""
    versioned, place = kinds.get(kind).versioned, queries.get(session, registry)
    found = versioned.get_version(session, place.workspace_id, name, version)
    item = found if version else versioned.owner_of(found)
    before = {"archived": item.archived}
    versioned.archive(item, archived)
    session.flush()
    named = f"{kind}/{name}" + (f":{version}" if version else "")
    note(session, "registries", registry, before={"asset": named, **before}, after={"archived": archived})
    return read(session, place, kind, found)


def share_version(session: Session, caller: Caller, registry: Registry, kind: str, new: Shared) -> Any:
    """Raises Forbidden for who may not see the asset in the workspace that it comes from, or has to ask first."""
    promotions.check_direct(caller, registry)
    wanted, found = kinds.get(kind), promotions.find_version(session, caller, kind, new)
    made = service.share(
        session, kind, found, registry, workspace=caller.workspace.name, shared_by=caller.user.name,
        name=new.share_with_name, version=new.share_with_version,
    )  # fmt: skip
    name = wanted.versioned.owner_of(made).name
    after = {"from": f"{kind}/{new.name}:{new.version}", "to": kinds.address(registry.name, kind, name, made.version)}
    note(session, "registries", registry.name, after=after)
    return made


def read(session: Session, registry: Registry, kind: str, found: Any) -> AssetRead:
    known = kinds.get(kind)
    fields = known.read(session, found).model_dump()
    name = known.versioned.owner_of(found).name
    return AssetRead(
        **{**fields, "id": kinds.address(registry.name, kind, name, found.version), "registry": registry.name}
    )
