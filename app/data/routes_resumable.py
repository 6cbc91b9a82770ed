"""REST for uploads that can be interrupted: the tus protocol 1.0.0, and one call that takes the archive in.

Source: tus.io/protocols/resumable-upload, with its extensions creation and termination.
"""

import base64
import binascii
import tempfile
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.data import resumable, uploads
from app.data.permissions import WRITE
from app.data.schemas import Upload
from app.errors import Invalid, TooLarge
from app.web.bodies import pieces_of

router = APIRouter(prefix="/uploads/resumable", tags=["data"])
IN_MEMORY = 8 << 20
_PIECE = "application/offset+octet-stream"


def _answer(status: int, offset: int | None = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    there = {} if offset is None else {"Upload-Offset": str(offset)}
    return Response(status_code=status, headers={"Tus-Resumable": "1.0.0", **there, **named})


@router.post("", status_code=201, dependencies=[allow(WRITE)])
def begin(
    request: Request,
    caller: CallerDep,
    length: Annotated[int, Header(alias="Upload-Length")],
    metadata: Annotated[str, Header(alias="Upload-Metadata")] = "",
) -> Response:
    """Begin an upload, or find the same one that stopped: `Upload-Offset` says how many bytes have come.

    `Upload-Metadata` holds the SHA-256 of the whole, in hexadecimal, as `sha256`; or as `blocks` that of the SHA-256
    of each of its blocks of 8 MiB, one after the other.
    """
    limit = request.app.state.settings.upload_bytes
    if length > limit:
        raise TooLarge(f"An upload may have {limit:,} bytes.", target="Upload-Length")
    told = _metadata(metadata)
    digest = told.get("blocks") or told.get("sha256", "")
    upload = resumable.begin(caller.user.name, length, digest, of_blocks="blocks" in told)
    location = f"{request.scope.get('root_path', '')}/api/uploads/resumable/{upload}"
    return _answer(201, resumable.offset(caller.workspace.id, upload), Location=location)


def _metadata(text: str) -> dict[str, str]:
    """`name base64, name base64`."""
    try:
        pairs = (part.split() for part in text.split(",") if part.strip())
        return {pair[0]: base64.b64decode(pair[1]).decode() if len(pair) > 1 else "" for pair in pairs}
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Invalid("Upload-Metadata: each value must be text in base64.", target="Upload-Metadata") from error


@router.head("/{upload}", dependencies=[allow(WRITE)])
def state(upload: str, caller: CallerDep) -> Response:
    """How many bytes of an upload have come."""
    length = resumable.check(caller.user.name, upload)
    there = resumable.offset(caller.workspace.id, upload)
    return _answer(200, there, Upload_Length=str(length), Cache_Control="no-store")


@router.patch("/{upload}", status_code=204, dependencies=[allow(WRITE)])
async def add(
    upload: str, request: Request, caller: CallerDep, offset: Annotated[int, Header(alias="Upload-Offset")]
) -> Response:
    """The next piece, which is kept in whole or not at all."""
    if request.headers.get("content-type") != _PIECE:
        raise Invalid(f"Content-Type: a piece is sent as {_PIECE}.", target="Content-Type")
    length = resumable.check(caller.user.name, upload)
    place = caller.workspace.id, upload, length, offset
    return _answer(204, await run_in_threadpool(resumable.add, *place, pieces_of(request)))


@router.post("/{upload}/complete", status_code=201, response_model=Upload, dependencies=[allow(WRITE)])
def complete(upload: str, request: Request, caller: CallerDep, name: str = "") -> Upload:
    """Take in what has come, a gzipped tar of one file or folder; answers where it lies.

    With a `name` it is a file of that name, as it is.
    """
    return Upload(uri=_taken_in(caller, upload, name, request.app.state.settings.upload_bytes))


def _taken_in(caller: Caller, upload: str, name: str, limit: int) -> str:
    length = resumable.check(caller.user.name, upload)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as archive:
        resumable.gather(caller.workspace.id, upload, length, archive)
        archive.seek(0)
        if name:
            uri = uploads.store_file(caller.workspace.id, name, archive, limit)
        else:
            uri = uploads.unpack(caller.workspace.id, archive, limit)
    resumable.forget(caller.workspace.id, upload)
    return uri


@router.delete("/{upload}", status_code=204, dependencies=[allow(WRITE)])
def give_up(upload: str, caller: CallerDep) -> Response:
    resumable.check(caller.user.name, upload)
    resumable.forget(caller.workspace.id, upload)
    return _answer(204)
