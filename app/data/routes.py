"""REST for data assets and uploads."""

import tempfile

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow, note
from app.assets import archiving
from app.data import files, queries, routes_profile, routes_resumable, service, uploads
from app.data.permissions import READ, WRITE
from app.data.queries import DATA
from app.data.schemas import DataChange, DataCreate, DataRead, Upload
from app.errors import TooLarge
from app.web.paging import AssetsAskedQuery, Listing, PageNumber, PageSize, listing
from app.web.routing import include
from app.web.session import SessionDep

router = APIRouter(prefix="/api", tags=["data"])
include(router, routes_resumable.router)
include(router, routes_profile.router)
IN_MEMORY = 8 << 20


@router.post("/uploads", status_code=201, response_model=Upload, dependencies=[allow(WRITE)])
async def upload(request: Request, caller: CallerDep) -> Upload:
    """Take in a file or folder, as the body: a gzipped tar. Answers the address under which it lies."""
    limit = request.app.state.settings.upload_bytes
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as archive:
        async for chunk in request.stream():
            await run_in_threadpool(archive.write, chunk)
            if archive.tell() > limit:
                raise TooLarge(f"An upload may have {limit:,} bytes.", target="body")
        archive.seek(0)
        return Upload(uri=await run_in_threadpool(uploads.unpack, caller.workspace.id, archive, limit))


@router.get("/data", response_model=Listing[DataRead], dependencies=[allow(READ)])
def data(session: SessionDep, caller: CallerDep, asked: AssetsAskedQuery) -> dict:
    """The newest version of each data asset."""
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    value = [DataRead.of(version) for _, version in found.rows]
    return listing(found, value)


@router.post("/data", status_code=201, response_model=DataRead, dependencies=[allow(WRITE)])
def create(new: DataCreate, session: SessionDep, caller: CallerDep) -> DataRead:
    made = service.register(session, caller.workspace.id, created_by=caller.user.name, **new.model_dump())
    note(session, "data", f"{made.asset.name}:{made.version}", after={"path": made.path})
    return DataRead.of(made)


@router.get("/data/{name}", response_model=DataRead, dependencies=[allow(READ)])
def newest(name: str, session: SessionDep, caller: CallerDep) -> DataRead:
    return DataRead.of(queries.get_version(session, caller.workspace.id, name))


@router.get("/data/{name}/versions", response_model=Listing[DataRead], dependencies=[allow(READ)])
def versions(name: str, session: SessionDep, caller: CallerDep, page: PageNumber = 1, size: PageSize = 50) -> dict:
    """Newest first, archived ones too."""
    asset = queries.get(session, caller.workspace.id, name)
    found = queries.versions(session, asset, number=page, size=size)
    return listing(found, [DataRead.of(version) for version in found.rows])


@router.get("/data/{name}/versions/{version}", response_model=DataRead, dependencies=[allow(READ)])
def read(name: str, version: str, session: SessionDep, caller: CallerDep) -> DataRead:
    return DataRead.of(queries.get_version(session, caller.workspace.id, name, version))


@router.patch("/data/{name}/versions/{version}", response_model=DataRead, dependencies=[allow(WRITE)])
def change(name: str, version: str, change: DataChange, session: SessionDep, caller: CallerDep) -> DataRead:
    found = queries.get_version(session, caller.workspace.id, name, version)
    before = {"description": found.description, "tags": found.tags}
    service.change(session, found, **change.model_dump(exclude_unset=True))
    note(session, "data", f"{name}:{version}", before=before, after=change.model_dump(exclude_unset=True))
    return DataRead.of(found)


include(
    router,
    archiving.routes(DATA, "data", WRITE, DataRead, lambda session, version: DataRead.of(version)),
    prefix="/data",
)


@router.get("/data/{name}/versions/{version}/preview", dependencies=[allow(READ)])
def preview(name: str, version: str, session: SessionDep, caller: CallerDep, path: str = "") -> dict:
    """The first rows of a table or lines of a text, or what kind of file it is."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    return files.preview(files.of_version(session, caller.workspace.id, found), path)


@router.get("/data/{name}/versions/{version}/content", dependencies=[allow(READ)], response_class=Response)
def content(name: str, version: str, session: SessionDep, caller: CallerDep, path: str = "") -> StreamingResponse:
    """Download one file of a data asset."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    file_name, size, chunks = files.open_file(files.of_version(session, caller.workspace.id, found), path)
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Content-Length": str(size)}
    return StreamingResponse(chunks, media_type="application/octet-stream", headers=headers)
