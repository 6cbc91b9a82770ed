"""The event stream of a list of traces."""

from collections.abc import AsyncIterator

from app.traces.service import channel
from app.web.sse import Event
from app.web.watching import Watch

KEEP_ALIVE_SECONDS = 15.0


async def list_events(workspace_id: int) -> AsyncIterator[Event | None]:
    """`traces` whenever a trace of the workspace came, changed or went."""
    async with Watch(channel(workspace_id)) as watch:
        while True:
            yield Event("traces", {}) if await watch.changed(KEEP_ALIVE_SECONDS) else None
