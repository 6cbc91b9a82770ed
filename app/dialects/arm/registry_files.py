"""The files of registries as a container `registries` of the caller's storage account: REGISTRY, then the path there.

Source: `Model.download` of azure-ai-ml, which gets a signed address from `datarefs` and lists below the path of the
version's address, as it reads that: all behind the first folder of the server.
"""

import re
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Request, Response

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.data.permissions import READ
from app.dialects.arm import blobs, storage
from app.dialects.arm.addressing import BLOBS
from app.errors import Forbidden, Invalid, NotFound
from app.kit.storage import safe_key, store
from app.registries import queries
from app.web.session import SessionDep

CONTAINER = "registries"
router = APIRouter(prefix=f"{BLOBS}/{CONTAINER}")
_BLOB = re.compile(rf"(?P<before>[^/]+\.blob\.[^/]+/{CONTAINER}/)?(?P<registry>[^/]+)/(?P<path>.+)")
_URL = re.compile(rf"/blobs/[^/]+\.blob\.[^/]+/{CONTAINER}/(?P<registry>[^/]+)/(?P<path>.+)")


def url_of(request: Request, caller: Caller, registry: str, path: str) -> str:
    """The address of what lies at a path of a registry's store."""
    return f"{storage.container_url(request, caller.workspace.name, CONTAINER)}/{registry}/{quote(path)}"


def path_of(url: str, registry: str) -> str | None:
    """The path in the registry's store by such an address; None for any other."""
    found = _URL.fullmatch(urlsplit(url).path)
    return unquote(found["path"]) if found and found["registry"] == registry else None


def signed_container(request: Request, caller: Caller, registry: str, path: str) -> str:
    """The address of the container, with a signature that opens what lies at the path for an hour."""
    url = storage.container_url(request, caller.workspace.name, CONTAINER)
    return f"{url}?{storage.signature(caller, f'{CONTAINER}/{registry}/{path}')}"


def _found(session: SessionDep, caller: Caller, blob: str) -> tuple[str, int, str]:
    """What stands before the path in the name, the workspace of the registry, and the path.

    Raises Forbidden for who has no signature for it, as only that says that the caller may see the registry.
    """
    found = _BLOB.fullmatch(blob)
    if found is None:
        raise NotFound(f"There is no file {blob!r}; those of a registry lie below REGISTRY/.", target="path")
    path = safe_key(found["path"])
    if not caller.user.prefix:
        raise Forbidden("The files of a registry are opened by a signed address of theirs.", target="path")
    storage.check_readable(caller, f"{CONTAINER}/{found['registry']}/{path}")
    home = queries.get(session, found["registry"]).workspace_id
    return blob.removesuffix(found["path"]), home, path


@router.get("", dependencies=[allow(READ)])
def files(session: SessionDep, caller: CallerDep, prefix: str = "", comp: str = "") -> Response:
    if comp != "list":
        raise Invalid("comp: only `list` is asked of this container.", target="comp")
    before, home, path = _found(session, caller, prefix.rstrip("/"))
    inside = ((f"{before}{path}/{entry.path}", entry.size) for entry in store().walk(storage.key_of(home, path)))
    size = store().size(storage.key_of(home, path))
    return blobs.listing(CONTAINER, prefix, inside if size is None else iter([(f"{before}{path}", size)]))


@router.head("/{blob:path}", dependencies=[allow(READ)])
def properties(blob: str, session: SessionDep, caller: CallerDep) -> Response:
    _, home, path = _found(session, caller, blob)
    return blobs.described_at(storage.key_of(home, path))


@router.get("/{blob:path}", dependencies=[allow(READ)])
def read(blob: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    _, home, path = _found(session, caller, blob)
    return blobs.sent_from(request, storage.key_of(home, path))
