"""ASGI in front of the application: takes scoring requests that come to the web process."""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from app.endpoints.gateway.asking import DEFAULT_WORKSPACE, Answer, Ask, address_of, refusal, takes, too_large
from app.endpoints.gateway.counters import COUNTERS, Counters
from app.endpoints.gateway.routing import RoutingTable
from app.endpoints.gateway.scoring import BODY_BYTES, Scoring
from app.errors import TooLarge

LINGER_SECONDS = 30


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Gateway:
    """Belongs to one event loop. Whatever is no scoring request goes on to `app`."""

    def __init__(
        self, app: ASGIApp, table: RoutingTable, *, body_limit: int = BODY_BYTES, counters: Counters = COUNTERS
    ) -> None:
        self.app = app
        self.scoring = Scoring(table, body_limit=body_limit, counters=counters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = address_of(scope["path"]) if scope["type"] == "http" else None
        if found is None or not takes(found[2], scope["method"]):
            await self.app(scope, receive, send)
            return
        workspace, endpoint, action = found
        ask = Ask(
            workspace or scope.get("workspace") or DEFAULT_WORKSPACE, endpoint, action, dict(scope["headers"]), b""
        )
        ask.method = scope["method"]
        ask.query = scope.get("query_string", b"")
        ask.request_id = scope.get("state", {}).get("request_id") or ""
        with suppress(ClientGone):
            try:
                ask.body = await _read(ask, receive, self.scoring.body_limit)
                answer = await self._answer(ask, receive)
            except TooLarge as error:
                answer = refusal(error, ask)
            await _send(answer, send)

    async def _answer(self, ask: Ask, receive: Receive) -> Answer:
        """The answer; the work is dropped as soon as the client is gone, which raises ClientGone."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        underway = self.scoring.start(ask, lambda answer: answered.cancelled() or answered.set_result(answer))
        if not answered.done():
            gone = asyncio.ensure_future(_disconnected(receive))
            try:
                await asyncio.wait((answered, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await gone
                if not answered.done():
                    answered.cancel()
                    if underway is not None:
                        underway.cancel()
        if answered.cancelled():
            raise ClientGone
        return answered.result()


async def _read(ask: Ask, receive: Receive, limit: int) -> bytes:
    length = ask.headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit:
        if b"expect" not in ask.headers:
            await _drop(receive)
        raise too_large(int(length), limit)
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            if message.get("more_body"):
                await _drop(receive)
            raise too_large(None, limit)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _drop(receive: Receive) -> None:
    """Read the rest of a body: the end of the connection would overtake the answer at a client that still sends."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                continue


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _send(answer: Answer, send: Send) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
