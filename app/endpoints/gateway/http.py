"""HTTP/1.1 of the gateway's own port: parsed once, answered from memory, bounded in what a client may hold."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus

import httptools
from prometheus_client import CONTENT_TYPE_LATEST

from app.endpoints.gateway.asking import DEFAULT_WORKSPACE, Answer, Ask, address_of, refusal, takes
from app.endpoints.gateway.asking import too_large as too_large_error
from app.endpoints.gateway.scoring import Scoring, Underway
from app.errors import AtelierError, NotFound, Unavailable
from app.kit.clock import until_next

HEAD_BYTES = 64 * 1024
REQUEST_SECONDS = 60
KEEP_SECONDS = 75
STALLED_SECONDS = 60
LINGER_SECONDS = 30
MOST_CONNECTIONS = 8192
RECEIVING_BYTES = 512 * 2**20
"""What bodies that have not come to their end may hold together."""
UNREAD_BYTES = 512 * 2**20
"""What answers that clients do not read may hold together."""
QUEUED = 64
REMEMBERED_BYTES = 256
"""Of an address."""
REMEMBERED_HEAD_BYTES = 4096
_FIRST_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
CLOSE = (b"connection", b"close")
_ALIVE = Answer(200, [(b"content-type", b"text/plain")], b"ok")
_MEASURED = Answer(200, [(b"content-type", CONTENT_TYPE_LATEST.encode())], b"")
"""What this process alone has counted, for Prometheus; the body is written when it is asked for."""


class RequestTooSlow(AtelierError):
    status = 408
    title = "The request did not come in time"


class HeadTooLong(AtelierError):
    status = 431
    title = "The headers are too long"


class BadRequest(AtelierError):
    status = 400
    title = "This is not HTTP"


_HEAD_TOO_LONG = refusal(HeadTooLong(f"The headers have more than {HEAD_BYTES} bytes."))


@lru_cache(4096)
def _target(method: bytes, url: bytes) -> tuple[str, str, str] | Answer:
    """Workspace, endpoint and action, or what there is to say to whoever asks for anything else."""
    path = url.decode("latin-1")
    found = address_of(path)
    if found is not None and takes(found[2], method.decode()):
        return found[0] or DEFAULT_WORKSPACE, found[1], found[2]
    if method == b"GET" and path == "/healthz":
        return _ALIVE
    if method == b"GET" and path == "/metrics":
        return _MEASURED
    return refusal(NotFound(f"{method.decode()} {path}: expected POST /w/WORKSPACE/endpoints/NAME/score."))


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body; `target` is an answer where there is nothing to ask."""

    target: tuple[str, str, str] | Answer
    method: str
    query: bytes
    headers: dict[bytes, bytes]
    keep: bool


class Listener:
    """What the connections of one port share; one an event loop."""

    def __init__(self, scoring: Scoring) -> None:
        self.scoring = scoring
        self.connections: set[ClientConnection] = set()
        self.receiving = 0

    def protocol(self) -> "ClientConnection":
        return ClientConnection(self)

    async def sweep(self) -> None:
        """End what takes too long, once a second for as long as the process lives."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(until_next(1))
            moment = loop.time()
            for connection in list(self.connections):
                connection.end_if_late(moment)
            self.let_go_of_unread()

    def let_go_of_unread(self) -> None:
        """While clients that do not read hold too much, end those that have not read for longest."""
        stalled = [connection for connection in self.connections if connection.stalled_since is not None]
        held = sum(connection.unread for connection in stalled)
        for connection in sorted(stalled, key=lambda connection: connection.stalled_since):
            if held <= UNREAD_BYTES:
                return
            held -= connection.unread
            connection.abort()

    async def drain(self, seconds: float) -> None:
        """Answer what was asked, ask for nothing more."""
        for connection in list(self.connections):
            connection.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.connections:
                    await asyncio.sleep(0.02)


class ClientConnection(asyncio.Protocol):
    """Answers requests in the order in which they came; a client that goes away cancels what it waits for."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Head, bytes]] = deque()
        self._task: Underway | asyncio.Task | None = None
        self._busy = False
        self._finishing = False
        self._lingering = False
        self.stalled_since: float | None = None
        self._deadline = self._loop.time() + REQUEST_SECONDS
        self._latest = 0
        self._between = True
        self._completed: list[Head] = []
        self._known: tuple[bytes, int, Head] = (b"", -1, None)
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        # Bytes that came since the message before: at least what its head has.
        self._head_bytes = self._latest
        self._in_head = True
        self._pieces: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if len(self._listener.connections) >= MOST_CONNECTIONS:
            self._write(refusal(Unavailable("Too many connections are open. Try again.")), keep=False)
            return
        self._listener.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._listener.connections.discard(self)
        self._listener.receiving -= self._size
        self._size = 0
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self.stalled_since = self._loop.time()

    def resume_writing(self) -> None:
        self.stalled_since = None

    def end_if_late(self, moment: float) -> None:
        is_stalled = self.stalled_since is not None and moment - self.stalled_since > STALLED_SECONDS
        if is_stalled or (self._lingering and moment > self._deadline):
            self.abort()
        elif not self._busy and moment > self._deadline:
            if self._url:
                message = f"The request did not come whole within {REQUEST_SECONDS} s."
                self._write(refusal(RequestTooSlow(message)), keep=False)
            else:
                self._transport.close()

    @property
    def unread(self) -> int:
        """Bytes of answers that the client has not taken."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        self._transport.abort()

    def finish(self) -> None:
        self._finishing = True
        if not self._busy:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._lingering or self._transport.is_closing():
            return
        start, size, known = self._known
        if len(data) == size and self._between and data.startswith(start):
            self._received(known, data[len(start) :])
            return
        self._head_bytes += len(data)
        self._latest = len(data)
        was_between = self._between
        self._completed.clear()
        try:
            self._parser.feed_data(data)
            if self._in_head and self._head_bytes > HEAD_BYTES:
                self._refuse(_HEAD_TOO_LONG)
            if was_between and self._between and len(self._completed) == 1:
                self._remember(data, self._completed[0])
        except httptools.HttpParserUpgrade:
            self._refuse(refusal(BadRequest("No other protocol is spoken here.")))
        except httptools.HttpParserCallbackError:
            if not self._lingering:
                self._transport.close()
        except httptools.HttpParserError:
            self._refuse(refusal(BadRequest("This is not an HTTP/1.1 request.")))

    def _remember(self, data: bytes, head: Head) -> None:
        """Clients say the same before each of their bodies, so that need not be parsed again.

        `data` is one whole message, which left the parser as it was before.
        """
        end = data.find(b"\r\n\r\n") + 4
        length = head.headers.get(b"content-length", b"0")
        if end > REMEMBERED_HEAD_BYTES or not head.keep or not length.isdigit() or end + int(length) != len(data):
            return
        if b"transfer-encoding" not in head.headers and b"expect" not in head.headers:
            self._known = data[:end], len(data), head

    def on_message_begin(self) -> None:
        self._begin()
        self._between = False
        if not self._busy:
            self._deadline = self._loop.time() + REQUEST_SECONDS

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head_bytes > HEAD_BYTES and sum(map(len, (self._url, *self._headers, *self._headers.values()))) > (
            HEAD_BYTES
        ):
            self._refuse(_HEAD_TOO_LONG)
            raise ValueError
        length = self._headers.get(b"content-length", b"0")
        limit = self._listener.scoring.body_limit
        if length.isdigit() and int(length) > limit:
            self._refuse_body(too_large_error(int(length), limit))
        if self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        self._listener.receiving += len(body)
        limit = self._listener.scoring.body_limit
        if self._size > limit:
            self._refuse_body(too_large_error(None, limit))
        if self._listener.receiving > RECEIVING_BYTES:
            self._refuse_body(Unavailable("Too many large bodies are being received. Try again."))
        self._pieces.append(body)

    def _refuse_body(self, error: AtelierError) -> None:
        self._refuse(refusal(error))
        raise ValueError

    def _refuse(self, answer: Answer) -> None:
        """Answer a request that has not come to its end, whose rest is read and dropped.

        Were the connection closed at once, its end would overtake the answer at a client that is still sending.
        """
        self._write(answer, keep=False, close=False)
        self._listener.receiving -= self._size
        self._size, self._pieces = 0, []
        if self._transport.is_closing() or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._lingering, self._deadline = True, self._loop.time() + LINGER_SECONDS
        self._transport.write_eof()

    def on_message_complete(self) -> None:
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._listener.receiving -= self._size
        self._size = 0
        self._between = True
        url, _, query = self._url.partition(b"?")
        find = _target if len(url) < REMEMBERED_BYTES else _target.__wrapped__
        method = self._parser.get_method()
        keep = self._parser.should_keep_alive()
        head = Head(find(method, url), method.decode(), query, self._headers, keep)
        self._completed.append(head)
        self._url = b""
        self._received(head, body)

    def _received(self, head: Head, body: bytes) -> None:
        if not self._busy:
            self._answer(head, body)
            return
        self._waiting.append((head, body))
        if len(self._waiting) >= QUEUED:
            self._transport.pause_reading()

    def _next(self) -> None:
        self._answer(*self._waiting.popleft())

    def _answer(self, head: Head, body: bytes) -> None:
        self._busy = True
        target, keep = head.target, head.keep
        if type(target) is tuple:
            ask = Ask(*target, head.headers, body, query=head.query, method=head.method)
            self._task = self._listener.scoring.start(ask, lambda answer: self._done(answer, keep))
        elif target is _MEASURED:
            self._done(replace(target, body=self._listener.scoring.counters.exposition()), keep)
        else:
            self._done(target, keep)

    def _done(self, answer: Answer, keep: bool) -> None:
        self._task = None
        self._busy = False
        self._write(answer, keep and not self._finishing)
        if self._waiting and not (self._lingering or self._transport.is_closing()):
            self._transport.resume_reading()
            # Not at once, or a client's many requests on one connection would keep others waiting.
            self._busy = True
            self._loop.call_soon(self._next)

    def _write(self, answer: Answer, keep: bool, *, close: bool = True) -> None:
        if self._lingering or self._transport.is_closing():
            return
        self._deadline = self._loop.time() + KEEP_SECONDS
        said = _FIRST_LINES.get(answer.status) or b"HTTP/1.1 %d Error\r\n" % answer.status
        for name, value in answer.headers:
            said += b"%b: %b\r\n" % (name, value)
        closes = CLOSE in answer.headers
        if not keep and not closes:
            closes = True
            said += b"connection: close\r\n"
        self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (said, len(answer.body), answer.body))
        if close and closes:
            self._transport.close()
