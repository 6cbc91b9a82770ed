"""ASGI in front of the application: takes scoring requests and hands them to an instance."""

import asyncio
import json
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from app.endpoints.gateway.client import AnswerBroken, ConnectionFailed, Exchange, Pool
from app.endpoints.gateway.counters import COUNTERS, Counters
from app.endpoints.gateway.routing import Route, RoutingTable, Upstream
from app.errors import AtelierError, NotFound, TooLarge, Unauthenticated, Unavailable
from app.kit.ids import sortable

log = logging.getLogger(__name__)

PATH = re.compile(r"^(?:/w/([^/]+))?/endpoints/([^/]+)/(score|invocations|swagger\.json)$")
DEFAULT_WORKSPACE = "default"
BODY_BYTES = 16 * 2**20
# The scoring server answers a timeout itself, and better; this is for one that does not.
GRACE_SECONDS = 1.0
RETRY_AFTER_SECONDS = 2
PASSED_ON = (b"content-type", b"retry-after")


class UpstreamFailed(AtelierError):
    status = 502
    title = "The scoring server failed"


class UpstreamTimedOut(AtelierError):
    status = 504
    title = "The scoring server did not answer in time"


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


CODES = {
    401: "Unauthorized",
    404: "NotFound",
    413: "PayloadTooLarge",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "RequestTimeout",
}


@dataclass
class Call:
    """One scoring request on its way."""

    route: Route
    action: str
    headers: dict[bytes, bytes]
    request_id: str
    receive: Receive
    send: Send
    deployment: str | None = None
    status: int = 0
    started: bool = False


class Gateway:
    """Belongs to one event loop. Whatever is no scoring request goes on to `app`."""

    def __init__(
        self, app: ASGIApp, table: RoutingTable, *, body_limit: int = BODY_BYTES, counters: Counters = COUNTERS
    ) -> None:
        self.app = app
        self.table = table
        self.pool = Pool()
        self._body_limit = body_limit
        self._counters = counters
        self._version = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = PATH.match(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != ("GET" if found[3] == "swagger.json" else "POST"):
            await self.app(scope, receive, send)
            return
        workspace = unquote(found[1] or scope.get("workspace") or DEFAULT_WORKSPACE)
        await self._answer(scope, receive, send, workspace, found[2], found[3])

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, workspace: str, endpoint: str, action: str
    ) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-ms-client-request-id", b"")[:128].decode("latin-1")
        request_id = given if given.isprintable() and given else scope.get("state", {}).get("request_id") or sortable()
        call = None
        try:
            route = self._route(workspace, endpoint)
            if route is None:
                message = f"There is no online endpoint {endpoint!r} in workspace {workspace!r}."
                raise NotFound(message, target="endpoint")
            call = Call(route, action, headers, request_id, receive, send)
            await self._handle(call)
        except AtelierError as error:
            if call is not None:
                call.status = error.status
            if call is None or not call.started:
                await _refuse(send, error, request_id)
            else:
                # The answer has begun: only breaking the connection still tells the client.
                raise
        except ClientGone:
            if call is not None:
                call.status = 499
        finally:
            if call is not None and call.deployment is not None and action != "swagger.json":
                seconds = time.perf_counter() - started
                self._counters.count(workspace, endpoint, call.deployment, call.status or 500, seconds)

    def _route(self, workspace: str, endpoint: str) -> Route | None:
        if self._version != self.table.version:
            self._version = self.table.version
            self.pool.forget_all_but(self.table.addresses())
        return self.table.get(workspace, endpoint)

    async def _handle(self, call: Call) -> None:
        if not await call.route.admits(call.headers.get(b"authorization", b"").decode("latin-1")):
            raise Unauthenticated(
                f"The key for endpoint {call.route.endpoint!r} is missing or wrong. Expected the header "
                "'Authorization: Bearer <key>' with one of its keys.",
                target="Authorization",
            )
        asked = call.headers.get(b"azureml-model-deployment")
        call.deployment = call.route.choose(asked.decode("latin-1") if asked else None)
        body = await _read(call, self._body_limit) if call.action != "swagger.json" else b""
        await self._while_connected(call, self._forward(call, body))

    async def _while_connected(self, call: Call, work) -> None:
        """Do the work, and drop it as soon as the client is gone."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_disconnected(call.receive))
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGone
            task.result()
        finally:
            for one in (task, gone):
                if not one.done():
                    one.cancel()
                    with suppress(asyncio.CancelledError, Exception):
                        await one

    async def _forward(self, call: Call, body: bytes) -> None:
        seconds = call.route.timeout_seconds(call.deployment) + GRACE_SECONDS
        try:
            async with asyncio.timeout(seconds):
                exchange = await self._exchange(call, body)
                try:
                    if exchange.head.status == 401:
                        # Another server has taken this address since the routes were read.
                        raise Unavailable(f"Deployment {call.deployment!r} is being moved. Try again.")
                    await _pass_on(call, exchange)
                finally:
                    exchange.close()
        except TimeoutError:
            allowed = seconds - GRACE_SECONDS
            raise UpstreamTimedOut(f"Deployment {call.deployment!r} did not answer within {allowed:g} s.") from None
        except AnswerBroken as error:
            raise UpstreamFailed(f"Deployment {call.deployment!r}: {error}") from error

    async def _exchange(self, call: Call, body: bytes) -> Exchange:
        """Ask the least busy instance, and once more elsewhere if the connection fails before an answer."""
        first = self._least_busy(call)
        try:
            return await self.pool.send(first.address, _request(call, first, body))
        except ConnectionFailed as error:
            log.info("%s: %s; trying again", first.address, error)
        second = self._least_busy(call, but=first)
        try:
            return await self.pool.send(second.address, _request(call, second, body))
        except ConnectionFailed as error:
            raise Unavailable(f"Deployment {call.deployment!r} cannot be reached at the moment.") from error

    def _least_busy(self, call: Call, but: Upstream | None = None) -> Upstream:
        upstreams = call.route.deployments[call.deployment]
        others = [upstream for upstream in upstreams if upstream != but] or upstreams
        return min(others, key=lambda upstream: self.pool.outstanding(upstream.address))


async def _read(call: Call, limit: int) -> bytes:
    length = call.headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit:
        raise TooLarge(f"The body has {int(length)} bytes. At most {limit} are accepted.", target="body")
    pieces, size = [], 0
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise TooLarge(f"The body has more than {limit} bytes, which is the most that is accepted.", target="body")
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _request(call: Call, upstream: Upstream, body: bytes) -> bytes:
    method = "GET" if call.action == "swagger.json" else "POST"
    content_type = call.headers.get(b"content-type", b"application/json").decode("latin-1")
    lines = (
        f"{method} /{call.action} HTTP/1.1",
        f"host: {upstream.address}",
        f"content-type: {content_type}",
        f"content-length: {len(body)}",
        f"x-atelier-instance-key: {upstream.key}",
        f"x-ms-request-id: {call.request_id}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


async def _pass_on(call: Call, exchange: Exchange) -> None:
    head = exchange.head
    call.status = head.status
    headers = [(name, head.headers[name]) for name in PASSED_ON if name in head.headers]
    headers += [
        (b"content-length", str(head.length).encode()),
        (b"azureml-model-deployment", call.deployment.encode()),
        (b"x-ms-request-id", call.request_id.encode("latin-1")),
    ]
    call.started = True
    await call.send({"type": "http.response.start", "status": head.status, "headers": headers})
    if not head.length:
        await call.send({"type": "http.response.body", "body": b""})
    left = head.length
    async for piece in exchange.pieces():
        left -= len(piece)
        await call.send({"type": "http.response.body", "body": piece, "more_body": left > 0})


async def _refuse(send: Send, error: AtelierError, request_id: str) -> None:
    named = {"code": CODES.get(error.status, error.code), "message": error.message, "target": error.target}
    body = json.dumps({"error": named}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-ms-request-id", request_id.encode("latin-1")),
    ]
    if error.status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.status == 413:
        # The rest of the body is not read, so nothing else can follow on this connection.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
