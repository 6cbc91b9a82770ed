"""One request at a scoring server over a connection that is open already: no task, no future, one timer."""

import asyncio
from collections.abc import Callable

from app.endpoints.gateway.client import Connection, Pool, Reply

Ended = Callable[[Reply | Exception], None]


class Exchange:
    """Calls `ended` once, with the reply, TimeoutError or what ended the connection, unless it is cancelled before."""

    def __init__(
        self, pool: Pool, address: str, connection: Connection, request: tuple[bytes, ...], seconds: float, ended: Ended
    ) -> None:
        self._pool, self._address, self._connection = pool, address, connection
        self._ended: Ended | None = ended
        self._timer = asyncio.get_running_loop().call_later(seconds, self._give_up, TimeoutError())
        connection.send(request, self._settle)

    def cancel(self) -> None:
        self._give_up(None)

    def _give_up(self, reason: Exception | None) -> None:
        if self._ended is not None:
            self._connection.drop()
            ended = self._close()
            if reason is not None:
                ended(reason)

    def _settle(self, found: Reply | Exception) -> None:
        self._close()(found)

    def _close(self) -> Ended:
        ended, self._ended = self._ended, None
        self._timer.cancel()
        self._pool.give_back(self._address, self._connection)
        return ended
