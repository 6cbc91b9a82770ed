"""REST for components."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.access.guard import CallerDep, allow, note
from app.assets import archiving
from app.components import queries, service
from app.components.permissions import READ, WRITE
from app.components.queries import COMPONENTS
from app.components.schemas import ComponentChange, ComponentCreate, ComponentRead
from app.web.paging import AssetsAskedQuery, Listing, PageNumber, PageSize, listing
from app.web.routing import include
from app.web.session import SessionDep
from app.web.yaml_bodies import yaml_body, yaml_body_of

router = APIRouter(prefix="/api/components", tags=["components"])
VERSION = "/{name}/versions/{version}"


async def _sent(request: Request) -> ComponentCreate:
    return ComponentCreate.model_validate(await yaml_body_of(request))


@router.post(
    "", status_code=201, response_model=ComponentRead, dependencies=[allow(WRITE)],
    openapi_extra=yaml_body("A component file", ComponentCreate),
)  # fmt: skip
def create(new: Annotated[ComponentCreate, Depends(_sent)], session: SessionDep, caller: CallerDep) -> ComponentRead:
    """A new version of a component."""
    made = service.create(session, caller.workspace.id, new.yaml, new.uploads, created_by=caller.user.name)
    note(session, "components", f"{made.component.name}:{made.version}", after={"type": made.type})
    return ComponentRead.of(made)


@router.get("", response_model=Listing[ComponentRead], dependencies=[allow(READ)])
def components(session: SessionDep, caller: CallerDep, asked: AssetsAskedQuery) -> dict:
    """The newest version of each component."""
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    return listing(found, [ComponentRead.of(version) for _, version in found.rows])


@router.get("/{name}", response_model=ComponentRead, dependencies=[allow(READ)])
def newest(name: str, session: SessionDep, caller: CallerDep) -> ComponentRead:
    return ComponentRead.of(queries.get_version(session, caller.workspace.id, name))


@router.get("/{name}/versions", response_model=Listing[ComponentRead], dependencies=[allow(READ)])
def versions(name: str, session: SessionDep, caller: CallerDep, page: PageNumber = 1, size: PageSize = 50) -> dict:
    component = queries.get(session, caller.workspace.id, name)
    found = queries.versions(session, component, number=page, size=size)
    return listing(found, [ComponentRead.of(version) for version in found.rows])


@router.get(VERSION, response_model=ComponentRead, dependencies=[allow(READ)])
def read(name: str, version: str, session: SessionDep, caller: CallerDep) -> ComponentRead:
    return ComponentRead.of(queries.get_version(session, caller.workspace.id, name, version))


@router.get(VERSION + "/yaml", dependencies=[allow(READ)], response_class=Response)
def yaml(name: str, version: str, session: SessionDep, caller: CallerDep) -> Response:
    """The component file as it was sent."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    return Response(found.source_yaml, media_type="application/yaml")


@router.patch(VERSION, response_model=ComponentRead, dependencies=[allow(WRITE)])
def change(name: str, version: str, change: ComponentChange, session: SessionDep, caller: CallerDep) -> ComponentRead:
    found = queries.get_version(session, caller.workspace.id, name, version)
    changes = change.model_dump(exclude_unset=True)
    before = {field: getattr(found, field) for field in changes}
    service.change(found, **changes)
    note(session, "components", f"{name}:{version}", before=before, after=changes)
    return ComponentRead.of(found)


include(
    router,
    archiving.routes(
        COMPONENTS, "components", WRITE, ComponentRead, lambda session, version: ComponentRead.of(version)
    ),
)
