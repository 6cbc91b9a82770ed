"""A stored log as an answer from a byte offset on, and as an event stream that resumes where it broke off."""

import time
from collections.abc import AsyncIterator, Callable

from fastapi import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.kit.log_files import Piece
from app.web.sse import Event
from app.web.watching import Watch

LOOK_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 15.0


def log_answer(piece: Piece) -> Response:
    """`X-Log-Offset` is where to go on, `X-Log-Final` whether that is the end."""
    headers = {"X-Log-Offset": str(piece.offset), "X-Log-Final": str(piece.is_final).lower()}
    return Response(piece.text, media_type="text/plain; charset=utf-8", headers=headers)


async def follow(
    request: Request, channel: str, look: Callable[[int], Piece | None], offset: int
) -> AsyncIterator[Event | None]:
    """`log` events whose id is the byte offset after them, then `end`.

    `look` reads from an offset on, None where the log's owner is gone; `channel` is hinted when there is more.
    """
    last = request.headers.get("last-event-id", "")
    offset = int(last) if last.isdigit() else offset
    spoken = time.monotonic()
    async with Watch(channel) as watch:
        while True:
            piece = await run_in_threadpool(look, offset)
            if piece is None:
                return
            if piece.text:
                offset, spoken = piece.offset, time.monotonic()
                yield Event("log", piece.text, str(offset))
            elif time.monotonic() - spoken > KEEP_ALIVE_SECONDS:
                spoken = time.monotonic()
                yield None
            if piece.is_final:
                yield Event("end", {"offset": offset}, str(offset))
                return
            if not piece.text:
                await watch.changed(LOOK_SECONDS)
