"""Bodies that are too long for memory, in pieces as they come in."""

from collections.abc import AsyncIterator, Iterator

import anyio.from_thread
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from app.errors import TooLarge
from app.kit.storage import store

PIECE = 1 << 20


async def store_body(request: Request, key: str) -> None:
    """Flat in memory: the body passes to the store in pieces, and the key holds it once it is whole."""
    await run_in_threadpool(store().write, key, pieces_of(request))


def pieces_of(request: Request) -> Iterator[bytes]:
    """The body for a thread, which waits for each piece; raises TooLarge."""
    limit = request.app.state.settings.upload_bytes
    if int(request.headers.get("content-length") or 0) > limit:
        raise _too_large(limit)
    return _from_thread(_pieces(request, limit))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"A file may have {limit:,} bytes.", target="body")


async def _pieces(request: Request, limit: int) -> AsyncIterator[bytes]:
    total, piece = 0, []
    size = 0
    async for chunk in request.stream():
        piece.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            total += size
            if total > limit:
                raise _too_large(limit)
            yield b"".join(piece)
            piece, size = [], 0
    if total + size > limit:
        raise _too_large(limit)
    if size:
        yield b"".join(piece)


def _from_thread(pieces: AsyncIterator[bytes]) -> Iterator[bytes]:
    while (piece := anyio.from_thread.run(anext, pieces, b"")) != b"":
        yield piece
