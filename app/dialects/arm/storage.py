"""Which of a workspace's stored files a storage address means, who may open them, and tokens that do.

A workspace is the account. The container `files` holds all of its files by the paths of its datastore
`workspaceblobstore`; any other container is a folder below `LocalUpload`, where clients put what they upload.
What an upload was confirmed to hold is never changed, as assets are made of it.
"""

import json
import re
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

from app.access import bearer
from app.access.caller import Caller
from app.assets.addresses import stored_address
from app.data import unreferenced
from app.data.client_uploads import BESIDE, UPLOADS, beside, seal
from app.dialects.arm.cloud import address
from app.errors import AlreadyExists, Forbidden, Invalid, NotFound
from app.kit.storage import safe_key, store

FILES = "files"
CONFIRMED = ("upload_status", "completed")
# Clients that join an address to a container lose the account.
_STORAGE_PATH = re.compile(r"/blobs/(?:(?P<workspace>[^/]+)\.blob\.[^/]+/)?(?P<container>[^/]+)(?:/(?P<blob>.*))?")
# Where old clients look for the outputs of a job, whatever its address says.
_OUTPUTS = re.compile(r"^azureml/([^/]+)")
_RIGHTS = {"jobs": "jobs/read", "tracking": "jobs/read", "models": "models/read"}


def path_of(container: str, blob: str) -> str:
    """The path in the workspace's datastore."""
    if container == FILES:
        return _OUTPUTS.sub(r"jobs/\1/outputs", safe_key(blob))
    return safe_key(UPLOADS, container, blob)


def key_of(workspace_id: int, path: str) -> str:
    return f"workspaces/{workspace_id}/{path}"


def account(request: Request, workspace: str) -> str:
    """What clients put before `.blob.` and the cloud's suffix: host, port and path of the storage of a workspace."""
    return f"{urlsplit(address(request)).netloc}/blobs/{workspace}"


def suffix(request: Request) -> str:
    """What clients put behind `.blob.`: the storage suffix of the cloud."""
    return urlsplit(address(request)).hostname


def container_url(request: Request, workspace: str, container: str) -> str:
    return f"https://{account(request, workspace)}.blob.{suffix(request)}/{container}"


def signature(caller: Caller, prefix: str = "") -> str:
    """The query of an address that opens what lies below `prefix` of the workspace for an hour.

    Raises Invalid for a browser's session, which has no token that could be revoked.
    """
    if caller.user.token_id is None:
        raise Invalid("Signed storage addresses are given to who comes with a token, not with a session.")
    claims = {"workspace": caller.workspace.id, "prefix": prefix}
    text, _ = bearer.mint(caller.user.token_id, caller.user.name, bearer.STORAGE, **claims)
    return f"sv=2023-11-03&sr=c&sig={text}"


def file_url(request: Request, caller: Caller, path: str) -> str:
    """An address at which one stored file can be read for an hour."""
    url = container_url(request, caller.workspace.name, FILES)
    return f"{url}/{quote(path)}?{signature(caller, path)}"


def stored_path(url: str, field: str) -> str:
    """The datastore path that a storage address of this server means; raises Invalid for any other address."""
    found = _STORAGE_PATH.fullmatch(urlsplit(url).path)
    if found is None:
        raise Invalid(f"{field}: {url!r} is no storage address of this server.", target=field)
    return path_of(found["container"], unquote(found["blob"] or ""))


def workspace_of(url: str) -> str | None:
    """The workspace whose account a storage address names."""
    found = _STORAGE_PATH.fullmatch(urlsplit(url).path)
    return found["workspace"] if found else None


def address_of(uri: str, field: str) -> str:
    """The form in which services take the place of files: ours for a storage address, else what was sent."""
    if uri.startswith("https:") and _STORAGE_PATH.fullmatch(urlsplit(uri).path):
        return stored_address(stored_path(uri, field))
    return uri.rstrip("/") if uri.startswith("azureml:") else uri


def check_readable(caller: Caller, path: str) -> None:
    """Raises Forbidden for what lies outside the token's prefix, or belongs to things that the caller may not see."""
    prefix = caller.user.prefix
    if prefix and path != prefix and not path.startswith(prefix.rstrip("/") + "/"):
        raise Forbidden(f"This address opens files below {prefix!r} only.", target="path")
    if not is_readable(caller, path):
        raise Forbidden(f"{caller.user.name} may not read {path!r}.", target="path")


def is_readable(caller: Caller, path: str) -> bool:
    """Whether the caller may see the things that files at this path belong to; nobody sees what is kept beside them."""
    top = path.split("/")[0]
    return not top.startswith(BESIDE) and caller.can(_RIGHTS.get(top, "data/read"))


def check_upload(caller: Caller, path: str) -> None:
    """Raises Forbidden outside of uploads."""
    check_readable(caller, path)
    if not path.startswith(UPLOADS + "/"):
        raise Forbidden(
            f"Files are uploaded below {UPLOADS}/ only; what jobs and assets hold is not changed here.", target="path"
        )


def check_writable(caller: Caller, path: str) -> None:
    """Raises Forbidden outside of uploads, and AlreadyExists in an upload that was confirmed."""
    check_upload(caller, path)
    if store().size(seal(caller.workspace.id, path)) is not None:
        raise AlreadyExists(f"The upload that holds {path!r} is complete, and is not changed.", target="path")


def blocks_key(workspace_id: int, path: str) -> str:
    """Below which the blocks of a file lie until they are put together."""
    return beside(workspace_id, "blocks", path)


def note_of(workspace_id: int, name: str) -> dict:
    """What was noted under a name, empty if nothing was."""
    try:
        return json.loads(store().read_bytes(beside(workspace_id, "metadata", name)))
    except NotFound:
        return {}


def set_note(workspace_id: int, name: str, values: dict) -> None:
    store().write_bytes(beside(workspace_id, "metadata", name), json.dumps(values).encode())


def exists(workspace_id: int, path: str) -> bool:
    key = key_of(workspace_id, path)
    return store().size(key) is not None or bool(store().list(key))


def only_folder(workspace_id: int, path: str) -> str | None:
    """The one folder that lies at a path, or nothing where its files lie there themselves; None where none do."""
    inside = store().list(key_of(workspace_id, path))
    if not inside:
        return None
    return inside[0].path if len(inside) == 1 and inside[0].is_folder else ""


def keep(workspace_id: int, path: str) -> None:
    """Whoever asks for an upload is about to use it: it is not deleted for now."""
    if path.startswith(UPLOADS + "/"):
        unreferenced.keep(workspace_id, "/".join(path.split("/")[:2]))


def set_metadata(workspace_id: int, path: str, values: dict[str, str]) -> None:
    """The metadata of a file, which is noted under its path."""
    set_note(workspace_id, path, values)
    name, value = CONFIRMED
    if values.get(name) == value:
        keep(workspace_id, path)
        store().write_bytes(seal(workspace_id, path), b"")
