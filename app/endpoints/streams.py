"""The event stream of endpoints: says when to look again."""

from collections.abc import AsyncIterator

from app.endpoints.service import CHANNEL
from app.web.sse import Event
from app.web.watching import Watch

KEEP_ALIVE_SECONDS = 15.0


async def change_events() -> AsyncIterator[Event | None]:
    """`endpoints` whenever an endpoint, a deployment or an instance is not as it was."""
    async with Watch(CHANNEL) as watch:
        while True:
            yield Event("endpoints", {}) if await watch.changed(KEEP_ALIVE_SECONDS) else None
