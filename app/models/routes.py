"""REST for registered models."""

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow, note
from app.assets.names import check_name
from app.models import files, queries, service
from app.models.permissions import READ, WRITE
from app.models.schemas import AliasSet, ModelChange, ModelCreate, ModelRead, ModelRow, VersionChange, VersionRead
from app.models.tables import ModelVersion
from app.web.paging import AssetsAskedQuery, Listing, PageNumber, PageSize, listing
from app.web.session import SessionDep
from app.web.stored_files import archive_answer, file_answer

router = APIRouter(prefix="/api/models", tags=["models"])


@router.get("", response_model=Listing[ModelRow], dependencies=[allow(READ)])
def models(session: SessionDep, caller: CallerDep, asked: AssetsAskedQuery) -> dict:
    """Registered models, each with its newest version."""
    found = queries.page(session, caller.workspace.id, **asked.narrowing)
    value = [ModelRow.of(model, newest) for model, newest in found.rows]
    return listing(found, value)


@router.post("", status_code=201, response_model=VersionRead, dependencies=[allow(WRITE)])
def create(new: ModelCreate, session: SessionDep, caller: CallerDep) -> VersionRead:
    """A new version, and the model if there is none of that name."""
    check_name(new.name)
    made = service.register(session, workspace_id=caller.workspace.id, created_by=caller.user.name, **new.model_dump())
    note(session, "models", f"{made.model.name}:{made.version}", after={"source": made.source, "type": made.type})
    return _read(session, made)


def _read(session, version: ModelVersion) -> VersionRead:
    return VersionRead.of(session, [version])[0]


def _version(session, caller, name: str, version: str) -> ModelVersion:
    return queries.get_version(session, caller.workspace.id, name, version)


@router.get("/{name}", response_model=ModelRead, dependencies=[allow(READ)])
def read(name: str, session: SessionDep, caller: CallerDep) -> ModelRead:
    return ModelRead.of(session, queries.get(session, caller.workspace.id, name))


@router.patch("/{name}", response_model=ModelRead, dependencies=[allow(WRITE)])
def change(name: str, change: ModelChange, session: SessionDep, caller: CallerDep) -> ModelRead:
    model = queries.get(session, caller.workspace.id, name)
    changes = change.model_dump(exclude_unset=True)
    before = {field: getattr(model, field) for field in changes}
    service.change(session, model, **changes)
    note(session, "models", name, before=before, after=changes)
    return ModelRead.of(session, model)


@router.post("/{name}/archive", response_model=ModelRead, dependencies=[allow(WRITE)])
def archive(name: str, session: SessionDep, caller: CallerDep) -> ModelRead:
    return _set_archived(session, caller, name, True)


@router.post("/{name}/restore", response_model=ModelRead, dependencies=[allow(WRITE)])
def restore(name: str, session: SessionDep, caller: CallerDep) -> ModelRead:
    return _set_archived(session, caller, name, False)


def _set_archived(session, caller, name: str, archived: bool) -> ModelRead:
    model = queries.get(session, caller.workspace.id, name)
    service.change(session, model, archived=archived)
    note(session, "models", name, after={"archived": archived})
    return ModelRead.of(session, model)


@router.post("/{name}/versions/{version}/archive", response_model=VersionRead, dependencies=[allow(WRITE)])
def archive_version(name: str, version: str, session: SessionDep, caller: CallerDep) -> VersionRead:
    """`latest` is then the newest of the others."""
    return _set_version_archived(session, caller, name, version, True)


@router.post("/{name}/versions/{version}/restore", response_model=VersionRead, dependencies=[allow(WRITE)])
def restore_version(name: str, version: str, session: SessionDep, caller: CallerDep) -> VersionRead:
    return _set_version_archived(session, caller, name, version, False)


def _set_version_archived(session, caller, name: str, version: str, archived: bool) -> VersionRead:
    found = _version(session, caller, name, version)
    service.change(session, found, archived=archived)
    note(session, "models", f"{name}:{version}", after={"archived": archived})
    return _read(session, found)


@router.put("/{name}/aliases/{alias}", response_model=VersionRead, dependencies=[allow(WRITE)])
def set_alias(name: str, alias: str, given: AliasSet, session: SessionDep, caller: CallerDep) -> VersionRead:
    version = _version(session, caller, name, given.version)
    service.set_alias(session, version, alias)
    note(session, "models", f"{name}:{version.version}", after={"alias": alias})
    return _read(session, version)


@router.delete("/{name}/aliases/{alias}", status_code=204, dependencies=[allow(WRITE)])
def delete_alias(name: str, alias: str, session: SessionDep, caller: CallerDep) -> None:
    service.delete_alias(session, queries.get(session, caller.workspace.id, name), alias)
    note(session, "models", name, before={"alias": alias})


@router.get("/{name}/versions", response_model=Listing[VersionRead], dependencies=[allow(READ)])
def versions(name: str, session: SessionDep, caller: CallerDep, page: PageNumber = 1, size: PageSize = 50) -> dict:
    """Newest first, archived ones too."""
    found = queries.versions(session, queries.get(session, caller.workspace.id, name), number=page, size=size)
    return listing(found, VersionRead.of(session, found.rows))


@router.get("/{name}/versions/{version}", response_model=VersionRead, dependencies=[allow(READ)])
def read_version(name: str, version: str, session: SessionDep, caller: CallerDep) -> VersionRead:
    return _read(session, _version(session, caller, name, version))


@router.patch("/{name}/versions/{version}", response_model=VersionRead, dependencies=[allow(WRITE)])
def change_version(
    name: str, version: str, change: VersionChange, session: SessionDep, caller: CallerDep
) -> VersionRead:
    found = _version(session, caller, name, version)
    changes = change.model_dump(exclude_unset=True)
    before = {field: getattr(found, field) for field in changes}
    stage = changes.pop("stage", None)
    service.change(session, found, **changes)
    if stage is not None:
        service.move_to_stage(session, found, stage)
    note(session, "models", f"{name}:{version}", before=before, after=change.model_dump(exclude_unset=True))
    return _read(session, found)


@router.delete("/{name}/versions/{version}", status_code=204, dependencies=[allow(WRITE)])
def delete_version(name: str, version: str, session: SessionDep, caller: CallerDep) -> None:
    service.delete_version(session, _version(session, caller, name, version))
    note(session, "models", f"{name}:{version}", after={"deleted": True})


@router.get("/{name}/versions/{version}/files", dependencies=[allow(READ)])
def version_files(name: str, version: str, session: SessionDep, caller: CallerDep, path: str = "") -> dict:
    """What lies directly below `path`: `{"value": [{"path", "is_dir", "size"}]}`."""
    found = files.listing(_version(session, caller, name, version), path)
    return {"value": [{"path": entry.path, "is_dir": entry.is_folder, "size": entry.size} for entry in found]}


@router.get("/{name}/versions/{version}/content", dependencies=[allow(READ)], response_class=Response)
def content(
    name: str, version: str, path: str, request: Request, session: SessionDep, caller: CallerDep, download: bool = False
) -> Response:
    """One file of a version; it takes ranges."""
    return file_answer(request, files.file_key(_version(session, caller, name, version), path), download=download)


@router.get("/{name}/versions/{version}/download", dependencies=[allow(READ)], response_class=StreamingResponse)
def download(name: str, version: str, session: SessionDep, caller: CallerDep) -> Response:
    """Every file of a version as a gzipped tar."""
    found = _version(session, caller, name, version)
    return archive_answer(found.path, f"{name}-{found.version}")
