"""A small HTTP/1.1 server on asyncio, so that every environment can serve whatever it has installed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

HEAD_BYTES = 64 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}
log = logging.getLogger("scoring")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: str = ""
    came: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


Handler = Callable[[Request], Awaitable[Response]]
Quick = Callable[[Request, Callable[[Response], None]], bool]


class Malformed(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Head:
    method: str
    path: str
    headers: dict[str, str]
    length: int
    keep_alive: bool
    query: str


def read_head(raw: bytes, body_limit: int) -> _Head:
    """Parse request line and headers. Raises Malformed with the status to answer."""
    lines = raw.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Malformed(400, "This is not an HTTP/1.1 request.")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise Malformed(400, "A header line is malformed.")
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise Malformed(411, "Send the body with a Content-Length.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Malformed(400, "Content-Length is not a number.")
    if int(length) > body_limit:
        raise Malformed(413, f"The body has {length} bytes. At most {body_limit} are accepted.")
    asked = headers.get("connection", "").lower()
    keep_alive = asked != "close" if words[2] == "HTTP/1.1" else asked == "keep-alive"
    path, _, query = words[1].partition("?")
    return _Head(words[0], path, headers, int(length), keep_alive, query)


class Connection(asyncio.Protocol):
    """One request at a time; a client that goes away cancels what it waits for.

    `quick` says whether it answers a request itself, with no task.
    """

    def __init__(
        self, handler: Handler, body_limit: int, refuse: Callable[[int, str], Response], quick: Quick | None = None
    ) -> None:
        self._handler, self._limit, self._refuse, self._quick = handler, body_limit, refuse, quick
        self._busy = False
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._task: asyncio.Task | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._advance()
        elif len(self._buffer) > HEAD_BYTES + self._limit:
            self._transport.abort()

    def _advance(self) -> None:
        try:
            if self._head is None and not self._take_head():
                return
        except Malformed as error:
            self._write(self._refuse(error.status, str(error)), keep_alive=False)
            return
        head = self._head
        if len(self._buffer) < head.length:
            return
        body = bytes(self._buffer[: head.length])
        del self._buffer[: head.length]
        self._head = None
        request = Request(head.method, head.path, head.headers, body, head.query)
        self._busy = True
        if self._quick is None or not self._quick(request, partial(self._end, head.keep_alive)):
            self._task = asyncio.get_running_loop().create_task(self._answer(request, head.keep_alive))

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_BYTES:
                raise Malformed(431, f"The headers have more than {HEAD_BYTES} bytes.")
            return False
        self._head = read_head(bytes(self._buffer[:end]), self._limit)
        del self._buffer[: end + 4]
        if self._head.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    async def _answer(self, request: Request, keep_alive: bool) -> None:
        try:
            response = await self._handler(request)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = self._refuse(500, "The scoring server failed. Its log says why.")
        self._task = None
        self._end(keep_alive, response)

    def _end(self, keep_alive: bool, response: Response) -> None:
        self._busy = False
        if self._transport.is_closing():
            return
        self._write(response, keep_alive)
        if keep_alive and self._buffer:
            # Not at once, or many requests on one connection would be as many calls within one another.
            self._busy = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._busy = False
        self._advance()

    def _write(self, response: Response, keep_alive: bool) -> None:
        headers = {
            "content-type": response.content_type,
            "content-length": str(len(response.body)),
            "connection": "keep-alive" if keep_alive else "close",
            **response.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reason = _REASONS.get(response.status, "Answer")
        self._transport.write(f"HTTP/1.1 {response.status} {reason}\r\n{lines}\r\n".encode("latin-1") + response.body)
        if not keep_alive:
            self._transport.close()


async def listen(
    handler: Handler,
    host: str,
    port: int,
    body_limit: int,
    refuse: Callable[[int, str], Response],
    quick: Quick | None = None,
) -> tuple[asyncio.Server, int]:
    """Begin to serve; returns the server and the port, which the system chose where `port` is 0."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler, body_limit, refuse, quick), host, port, backlog=1024)
    return server, server.sockets[0].getsockname()[1]
