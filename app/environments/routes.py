"""REST for environments, their builds, and the table of images."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow, note
from app.assets import archiving
from app.environments import catalog, queries, service
from app.environments.permissions import READ, WRITE
from app.environments.queries import ENVIRONMENTS
from app.environments.routes_images import router as images
from app.environments.schemas import BuildRead, EnvironmentChange, EnvironmentCreate, EnvironmentRead
from app.web.log_streams import follow, log_answer
from app.web.paging import AssetsAskedQuery, Listing, PageNumber, PageSize, listing
from app.web.routing import include
from app.web.session import SessionDep
from app.web.sse import stream
from app.web.yaml_bodies import yaml_body, yaml_body_of

router = APIRouter(prefix="/api/environments", tags=["environments"])
# Before the routes below, whose {name} would also match their addresses.
include(router, images)
include(
    router,
    archiving.routes(ENVIRONMENTS, "environments", WRITE, EnvironmentRead, lambda _, found: EnvironmentRead.of(found)),
)
VERSION = "/{name}/versions/{version}"


async def _sent(request: Request) -> EnvironmentCreate:
    return EnvironmentCreate.model_validate(await yaml_body_of(request))


@router.post(
    "", status_code=201, response_model=EnvironmentRead, dependencies=[allow(WRITE)],
    openapi_extra=yaml_body("An environment file", EnvironmentCreate),
)  # fmt: skip
def create(
    new: Annotated[EnvironmentCreate, Depends(_sent)], session: SessionDep, caller: CallerDep
) -> EnvironmentRead:
    """A new version of an environment."""
    made = service.create(session, caller.workspace.id, new.yaml, new.uploads, created_by=caller.user.name)
    note(session, "environments", f"{made.environment.name}:{made.version}", after={"definition": made.definition})
    return EnvironmentRead.of(made)


@router.get("", response_model=Listing[EnvironmentRead], dependencies=[allow(READ)])
def environments(session: SessionDep, caller: CallerDep, asked: AssetsAskedQuery) -> dict:
    """The newest version of each environment of the workspace."""
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    return listing(found, [EnvironmentRead.of(version) for _, version in found.rows if version])


@router.get("/curated", response_model=list[EnvironmentRead], dependencies=[allow(READ)])
def curated(caller: CallerDep) -> list[EnvironmentRead]:
    """Those that Atelier brings; every workspace has them."""
    return [entry.read() for entry in catalog.curated_entries(caller.workspace.id)]


@router.get("/{name}", response_model=EnvironmentRead, dependencies=[allow(READ)])
def newest(name: str, session: SessionDep, caller: CallerDep, label: str | None = None) -> EnvironmentRead:
    """The newest version, or the one that has a label."""
    return catalog.get(session, caller.workspace.id, name, label=label).read()


@router.get("/{name}/versions", response_model=Listing[EnvironmentRead], dependencies=[allow(READ)])
def versions(name: str, session: SessionDep, caller: CallerDep, page: PageNumber = 1, size: PageSize = 50) -> dict:
    environment = queries.get(session, caller.workspace.id, name)
    found = queries.versions(session, environment, number=page, size=size)
    return listing(found, [EnvironmentRead.of(version) for version in found.rows])


@router.get(VERSION, response_model=EnvironmentRead, dependencies=[allow(READ)])
def read(name: str, version: str, session: SessionDep, caller: CallerDep) -> EnvironmentRead:
    return catalog.get(session, caller.workspace.id, name, version).read()


@router.patch(VERSION, response_model=EnvironmentRead, dependencies=[allow(WRITE)])
def change(
    name: str, version: str, change: EnvironmentChange, session: SessionDep, caller: CallerDep
) -> EnvironmentRead:
    """Describe, tag and label a version; what it is made of never changes."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    before = EnvironmentRead.of(found).model_dump(include=change.model_fields_set)
    service.change(found, **change.model_dump(exclude_unset=True))
    note(session, "environments", f"{name}:{version}", before=before, after=change.model_dump(exclude_unset=True))
    return EnvironmentRead.of(found)


@router.get(VERSION + "/build", response_model=BuildRead, dependencies=[allow(READ)])
def build(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> BuildRead:
    """How far the version is built, and its packages."""
    found = catalog.get(session, caller.workspace.id, name, version)
    return BuildRead.of(found.standing(session, request.app.state.settings.environments_folder))


@router.get(VERSION + "/build/log", dependencies=[allow(READ)], response_class=Response)
def build_log(name: str, version: str, session: SessionDep, caller: CallerDep, offset: int = 0) -> Response:
    """The log of the newest build from a byte offset on; `X-Log-Offset` is where to go on, `X-Log-Final` the end."""
    return log_answer(catalog.get(session, caller.workspace.id, name, version).log(session).look(offset))


@router.get(VERSION + "/build/log/stream", dependencies=[allow(READ)], response_class=StreamingResponse)
def build_log_stream(
    name: str, version: str, request: Request, session: SessionDep, caller: CallerDep, offset: int = 0
) -> StreamingResponse:
    """Server-sent events `log` (id: byte offset after) and `end`; resumes by `Last-Event-ID`."""
    log = catalog.get(session, caller.workspace.id, name, version).log(session)
    return stream(follow(request, log.channel, log.look, offset))
