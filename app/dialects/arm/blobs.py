"""The part of Azure Blob Storage that its Python client uses, over the artifact store.

Source: learn.microsoft.com/rest/api/storageservices: Get, Put and List Blobs, Put Block and Put Block List,
Get and Set Blob Metadata.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.data.permissions import READ
from app.dialects.arm import storage
from app.dialects.arm.addressing import ALL_BLOBS, BLOBS
from app.dialects.arm.permissions import UPLOAD
from app.errors import AlreadyExists, Invalid, InvalidRange, NotFound, Unsupported
from app.kit.storage import safe_key, store
from app.web.bodies import pieces_of

router = APIRouter()
META = "x-ms-meta-"
_VERSION = "2023-11-03"
_LONGEST_LIST_OF_BLOCKS = 8 << 20


@router.get(ALL_BLOBS, dependencies=[allow(READ)])
def below(request: Request, caller: CallerDep) -> Response:
    """A list for azureml-fsspec, which takes the first folder of an address for its container.

    So the account and the container begin its prefix, and begin the names in the answer.
    """
    asked = request.query_params
    account, _, rest = asked.get("prefix", "").partition("/")
    container, _, prefix = rest.partition("/")
    if asked.get("comp") != "list" or not container:
        raise Invalid(f"prefix: {asked.get('prefix', '')!r} is not ACCOUNT/CONTAINER/…", target="prefix")
    storage.check_readable(caller, storage.path_of(container, prefix))
    found = _listed(caller, container, prefix, asked.get("delimiter", ""))
    return listing("blobs", asked["prefix"], ((f"{account}/{container}/{name}", size) for name, size in found))


@router.get(BLOBS + "/{container}", dependencies=[allow(READ)])
def container(container: str, request: Request, caller: CallerDep) -> Response:
    """What the container is, or with `comp=list` its files: all of them, without a marker to go on from."""
    asked = request.query_params
    if asked.get("comp") != "list":
        return _empty(200, _facts(container, 0))
    prefix = asked.get("prefix", "")
    # Whoever holds a token for a folder lists what is in it.
    storage.check_readable(caller, storage.path_of(container, prefix))
    found = _listed(caller, container, prefix, asked.get("delimiter", ""))
    return listing(container, prefix, found)


def listing(container: str, prefix: str, found: Iterator[tuple[str, int | None]]) -> Response:
    """`found` are names and sizes in bytes; a folder has none."""
    return StreamingResponse(_list_xml(container, prefix, found), media_type="application/xml", headers=_headers())


def _listed(caller: Caller, container: str, prefix: str, delimiter: str) -> Iterator[tuple[str, int | None]]:
    """Names in the container that begin with `prefix`, with their size; None for a folder that `delimiter` closes."""
    if delimiter not in ("", "/"):
        raise Invalid("delimiter: it can be '/' only.", target="delimiter")
    folder, slash, start = prefix.rpartition("/")
    folder = safe_key(folder) + slash
    path = storage.path_of(container, folder)
    key = storage.key_of(caller.workspace.id, path).rstrip("/")
    for entry in store().list(key):
        name = folder + entry.path
        if not entry.path.startswith(start) or (not path and not storage.is_readable(caller, entry.path)):
            continue
        if not entry.is_folder:
            yield name, entry.size
        elif delimiter:
            yield f"{name}/", None
        else:
            yield from ((f"{name}/{below.path}", below.size) for below in store().walk(f"{key}/{entry.path}"))


def _list_xml(container: str, prefix: str, found: Iterator[tuple[str, int | None]]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<EnumerationResults ContainerName="{escape(container)}"><Prefix>{escape(prefix)}</Prefix><Blobs>'
    now = format_datetime(datetime.now(UTC), usegmt=True)
    for name, size in found:
        if size is None:
            yield f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
            continue
        yield (
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{now}</Last-Modified>"
            f"<Etag>{_etag(name, size)}</Etag><Content-Length>{size}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType></Properties></Blob>"
        )
    yield "</Blobs><NextMarker /></EnumerationResults>"


@router.head(BLOBS + "/{container}/{blob:path}", dependencies=[allow(READ)])
def properties(container: str, blob: str, caller: CallerDep) -> Response:
    """Clients ask for those of an upload before they use it once more instead of sending it."""
    path = storage.path_of(container, blob)
    storage.keep(caller.workspace.id, path)
    return described(caller, path)


def described(caller: Caller, path: str) -> Response:
    """What a HEAD of a stored file is answered; raises NotFound and Forbidden."""
    size = _existing(caller, path)
    return _empty(200, _facts(path, size) | _meta(caller, path) | {"Content-Length": str(size)})


@router.get(BLOBS + "/{container}/{blob:path}", dependencies=[allow(READ)])
def read(container: str, blob: str, request: Request, caller: CallerDep) -> Response:
    return sent(request, caller, storage.path_of(container, blob))


def sent(request: Request, caller: Caller, path: str) -> Response:
    """A stored file, or the part of it that the range asks for; raises NotFound, Forbidden and InvalidRange."""
    size = _existing(caller, path)
    facts = _facts(path, size) | _meta(caller, path)
    return _sent(request, storage.key_of(caller.workspace.id, path), size, facts)


def described_at(key: str) -> Response:
    """The same as `described`, of a file of which nothing more is known."""
    size = _size(key)
    return _empty(200, _facts(key, size) | {"Content-Length": str(size)})


def sent_from(request: Request, key: str) -> Response:
    """The same as `sent`, of a file of which nothing more is known."""
    size = _size(key)
    return _sent(request, key, size, _facts(key, size))


def _size(key: str) -> int:
    size = store().size(key)
    if size is None:
        raise NotFound(f"There is no file {key.rpartition('/')[2]!r}.", target="path")
    return size


def _sent(request: Request, key: str, size: int, facts: dict[str, str]) -> Response:
    if request.query_params.get("comp") == "metadata":
        return _empty(200, facts)
    asked = request.headers.get("x-ms-range") or request.headers.get("range")
    start, end = _range(asked, size) if asked else (0, size)
    if start >= end and asked:
        raise InvalidRange(f"The file has {size} bytes.", target="Range")
    facts["Content-Length"] = str(end - start)
    if asked:
        facts["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = store().read(key, start, end)
    status = 206 if asked else 200
    return StreamingResponse(pieces, status, facts, media_type="application/octet-stream")


def _range(text: str, size: int) -> tuple[int, int]:
    unit, _, part = text.partition("=")
    first, dash, last = part.partition("-")
    if unit != "bytes" or not dash or not first.isdigit() or (last and not last.isdigit()):
        raise Invalid(f"Range: {text!r} is not of the form bytes=FIRST-LAST.", target="Range")
    return int(first), min(int(last) + 1, size) if last else size


@router.put(BLOBS + "/{container}/{blob:path}", dependencies=[allow(UPLOAD)])
async def write(container: str, blob: str, request: Request, caller: CallerDep) -> Response:
    """A file in whole, one of its blocks, the list of its blocks, or its metadata. No session is open meanwhile."""
    what = request.query_params.get("comp")
    works = {None: _put, "block": _put_block, "blocklist": _put_blocks, "metadata": _put_metadata}
    if what not in works:
        raise Unsupported(f"comp={what} is not offered.", target="comp")
    path = storage.path_of(container, blob)
    check = storage.check_upload if what == "metadata" else storage.check_writable
    await run_in_threadpool(check, caller, path)
    body = await _whole(request) if what == "blocklist" else b""
    return await run_in_threadpool(works[what], request, caller, path, body)


async def _whole(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_LIST_OF_BLOCKS:
            raise Invalid("The list of blocks is too long.", target="body")
    return body


def _put(request: Request, caller: Caller, path: str, _body: bytes) -> Response:
    if request.headers.get("x-ms-blob-type", "BlockBlob") != "BlockBlob":
        raise Unsupported("x-ms-blob-type: only BlockBlob is offered.", target="x-ms-blob-type")
    _check_condition(request, caller, path)
    size = store().write(storage.key_of(caller.workspace.id, path), pieces_of(request))
    return _written(request, caller, path, size)


def _put_block(request: Request, caller: Caller, path: str, _body: bytes) -> Response:
    key = _block_key(caller, path, request.query_params.get("blockid", ""))
    store().write(key, pieces_of(request))
    return _empty(201)


def _put_blocks(request: Request, caller: Caller, path: str, body: bytes) -> Response:
    try:
        names = [found.text or "" for found in ElementTree.fromstring(body)]
    except ElementTree.ParseError as error:
        raise Invalid("The list of blocks is no XML.", target="body") from error
    keys = [_block_key(caller, path, name) for name in names]
    if missing := next((name for name, key in zip(names, keys, strict=True) if store().size(key) is None), None):
        raise Invalid(f"The block {missing!r} was not sent.", target="blockid")
    _check_condition(request, caller, path)
    target = storage.key_of(caller.workspace.id, path)
    size = store().write(target, (piece for key in keys for piece in store().read(key)))
    store().delete(storage.blocks_key(caller.workspace.id, path))
    return _written(request, caller, path, size)


def _put_metadata(request: Request, caller: Caller, path: str, _body: bytes) -> Response:
    if store().size(storage.key_of(caller.workspace.id, path)) is None:
        raise NotFound(f"There is no file {path!r}.", target="path")
    storage.set_metadata(caller.workspace.id, path, _sent_meta(request))
    return _empty(200, {"ETag": _etag(path, 0)})


def _block_key(caller: Caller, path: str, block: str) -> str:
    try:
        name = base64.b64decode(block, validate=True).hex()
    except binascii.Error:
        name = ""
    if not 0 < len(name) <= 128:
        raise Invalid("blockid: it must be 1 to 64 bytes, encoded by base64.", target="blockid")
    return f"{storage.blocks_key(caller.workspace.id, path)}/{name}"


def _check_condition(request: Request, caller: Caller, path: str) -> None:
    never = request.headers.get("if-none-match") == "*"
    if never and store().size(storage.key_of(caller.workspace.id, path)) is not None:
        raise AlreadyExists("The specified blob already exists.", target="path")


def _written(request: Request, caller: Caller, path: str, size: int) -> Response:
    if sent := _sent_meta(request):
        storage.set_metadata(caller.workspace.id, path, sent)
    return _empty(201, _facts(path, size))


def _existing(caller: Caller, path: str) -> int:
    storage.check_readable(caller, path)
    size = store().size(storage.key_of(caller.workspace.id, path))
    if size is None:
        raise NotFound(f"There is no file {path!r}.", target="path")
    return size


def _sent_meta(request: Request) -> dict[str, str]:
    return {name.removeprefix(META): value for name, value in request.headers.items() if name.startswith(META)}


def _meta(caller: Caller, path: str) -> dict[str, str]:
    return {META + name: value for name, value in storage.note_of(caller.workspace.id, path).items()}


def _facts(path: str, size: int) -> dict[str, str]:
    return _headers() | {
        "ETag": _etag(path, size),
        "Last-Modified": format_datetime(datetime.now(UTC), usegmt=True),
        "x-ms-blob-type": "BlockBlob",
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }


def _etag(path: str, size: int) -> str:
    """The store keeps no revisions: files that were confirmed do not change, others do before anybody reads them."""
    return f'"0x{hashlib.sha256(f"{path}:{size}".encode()).hexdigest()[:16].upper()}"'


def _headers() -> dict[str, str]:
    return {"x-ms-version": _VERSION}


def _empty(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(status_code=status, headers=_headers() | (headers or {}))
