"""Code assets: a folder that a client uploads below its name, and what it said of it.

The files lie at `LocalUpload/NAME`, or `LocalUpload/NAME.VERSION` for any version but the first; what the client said
lies beside them, as the code of a job is its files and nothing else.
"""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.assets.names import check_name, check_version
from app.data.permissions import READ, WRITE
from app.dialects.arm import answers, storage
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep
from app.errors import Conflict, NotFound
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/codes/{name}/versions")


def container_of(name: str, version: str) -> str:
    return check_name(name) if check_version(version) == "1" else f"{check_name(name)}.{version}"


def _record(name: str, version: str) -> str:
    return f"codes/{container_of(name, version)}"


def _of_hash(caller: Caller, hash: str) -> str:
    return f"code-hashes/{caller.user.id}/{hash}"


def _hash_of(known: dict) -> str | None:
    return (known.get("properties") or {}).get("hash_sha256")


def content_of(workspace_id: int, address: str | None) -> str | None:
    """What tells apart the contents of code: the hash that its client gave, or where it lies."""
    container = (address or "").partition(f"/{storage.UPLOADS}/")[2].partition("/")[0]
    known = storage.note_of(workspace_id, f"codes/{container}") if container else {}
    return _hash_of(known) or address


def _shown(request: Request, name: str, version: str, properties: dict) -> dict:
    return answers.resource(request, f"codes/{name}/versions/{version}", properties)


@router.get("", dependencies=[allow(READ)])
def versions(name: str, request: Request, caller: CallerDep, hash: str = "") -> JSONResponse:
    """The code of any name that the caller uploaded with the hash that is asked for: it is not uploaded again.

    What others uploaded does not count, as nobody has checked that their hash is that of their files.
    """
    if hash:
        found = storage.note_of(caller.workspace.id, _of_hash(caller, hash))
        name, version = found.get("name", name), found.get("version", "1")
    else:
        version = "1"
    known = storage.note_of(caller.workspace.id, _record(name, version))
    is_it = known and (not hash or _hash_of(known) == hash) and _is_there(caller, known)
    return JSONResponse({"value": [_shown(request, name, version, known)] if is_it else []})


def _is_there(caller: Caller, known: dict) -> bool:
    """Whether the files of code lie there still: what nothing refers to is deleted in time."""
    path = storage.stored_path(known["codeUri"], "properties.codeUri")
    storage.keep(caller.workspace.id, path)
    return storage.exists(caller.workspace.id, path)


@router.get("/{version}", dependencies=[allow(READ)])
def get(name: str, version: str, request: Request, caller: CallerDep) -> JSONResponse:
    known = storage.note_of(caller.workspace.id, _record(name, version))
    known = known if known and _is_there(caller, known) else _uploaded(request, caller, name, version)
    return JSONResponse(_shown(request, name, version, known))


def _uploaded(request: Request, caller: Caller, name: str, version: str) -> dict:
    """Files that lie there without a word of their client; raises NotFound."""
    container = container_of(name, version)
    top = storage.only_folder(caller.workspace.id, storage.path_of(container, ""))
    if top is None:
        raise NotFound(f"There is no code {name!r} of version {version!r}.", target="name")
    base = storage.container_url(request, caller.workspace.name, container)
    return {"codeUri": f"{base}/{top}".rstrip("/"), "isAnonymous": True, "properties": {}, "tags": {}}


@router.post("/{version}/startPendingUpload", dependencies=[allow(WRITE)])
def start_upload(name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Where to upload the files to, for an hour."""
    container = container_of(name, version)
    url = storage.container_url(request, caller.workspace.name, container)
    signed = f"{url}?{storage.signature(caller, storage.path_of(container, ''))}"
    note(session, "codes", f"{name}:{version}")
    reference = {"blobUri": url, "credential": {"credentialType": "SAS", "sasUri": signed}, "storageAccountArmId": ""}
    answer = {
        "blobReferenceForConsumption": reference,
        "pendingUploadId": container,
        "pendingUploadType": "TemporaryBlobReference",
    }
    return JSONResponse(answer)


@router.put("/{version}", dependencies=[allow(WRITE)])
def put(
    name: str, version: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Note what was uploaded; raises NotFound when nothing was, and Conflict for other files under the same name."""
    asked = answers.properties_of(sent)
    uri = asked.get("codeUri") or ""
    path = storage.stored_path(uri, "properties.codeUri")
    if not storage.exists(caller.workspace.id, path):
        raise NotFound(f"properties.codeUri: there is nothing at {uri}.", target="properties.codeUri")
    known = storage.note_of(caller.workspace.id, _record(name, version))
    if known and storage.stored_path(known["codeUri"], "properties.codeUri") != path:
        raise Conflict(
            f"Code {name!r} has a version {version!r} with other files, and versions do not change; name another.",
            target="properties.codeUri",
        )
    kept = {field: asked.get(field) for field in ("description", "tags", "properties", "isAnonymous")}
    kept = {field: value for field, value in kept.items() if value is not None} | {"codeUri": uri}
    storage.set_note(caller.workspace.id, _record(name, version), kept)
    if found := _hash_of(kept):
        storage.set_note(caller.workspace.id, _of_hash(caller, found), {"name": name, "version": version})
    note(session, "codes", f"{name}:{version}", after={"path": path})
    return JSONResponse(_shown(request, name, version, kept), 200 if known else 201)
