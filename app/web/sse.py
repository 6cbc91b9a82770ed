"""Server-sent events: an async generator of events as an HTTP answer."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse


@dataclass(frozen=True)
class Event:
    """`id` is what a browser sends back as `Last-Event-ID` when it reconnects."""

    kind: str
    data: Any
    id: str | None = None

    def encode(self) -> str:
        number = f"id: {self.id}\n" if self.id is not None else ""
        return f"{number}event: {self.kind}\ndata: {json.dumps(self.data)}\n\n"


KEEP_ALIVE = ": still here\n\n"


def stream(events: AsyncIterator[Event | None]) -> StreamingResponse:
    """None is sent as a comment, which finds out whether the browser is still there."""

    async def encoded() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for event in events:
            yield event.encode() if event else KEEP_ALIVE

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(encoded(), media_type="text/event-stream", headers=headers)
