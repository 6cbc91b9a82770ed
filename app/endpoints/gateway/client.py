"""HTTP/1.1 to scoring servers over connections that are kept, with no more than the scoring path needs."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from app.endpoints.gateway.chunks import Chunks

CONNECT_SECONDS = 2.0
IDLE_SECONDS = 30.0
IDLE_CONNECTIONS = 64
HEAD_BYTES = 64 * 1024
AVOIDED_SECONDS = 1.0
"""Who has failed is asked last for so long."""
ANSWER_BYTES = 64 * 2**20
IN_CHUNKS, UNTIL_CLOSED = -1, -2
"""Lengths of bodies whose length is not said, as servers of the user's own may answer."""


class ConnectionFailed(Exception):
    """The connection ended before the first byte of an answer."""


class NotConnected(ConnectionFailed):
    """The request was not sent."""


class AnswerBroken(Exception):
    """The answer began and did not end, or was not HTTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`headers` have lower-case names."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.keeps = True
        self._ended: Callable[[Reply | Exception], None] | None = None
        self._received = bytearray()
        self._head: tuple[int, dict[bytes, bytes], int, int] | None = None
        self._chunks: Chunks | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: tuple[bytes, ...], ended: Callable[[Reply | Exception], None]) -> None:
        """Calls `ended` once: with the reply, or with ConnectionFailed or AnswerBroken."""
        self._ended = ended
        self.transport.writelines(request)

    async def ask(self, request: tuple[bytes, ...]) -> Reply:
        """Raises ConnectionFailed, AnswerBroken."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def ended(found: Reply | Exception) -> None:
            if reply.done():
                return
            if isinstance(found, Exception):
                reply.set_exception(found)
            else:
                reply.set_result(found)

        self.send(request, ended)
        return await reply

    def drop(self) -> None:
        """End it; nobody waits for the answer."""
        self._ended = None
        self.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            self._advance()
        except AnswerBroken as error:
            self._fail(error)

    def _advance(self) -> None:
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                if len(self._received) > HEAD_BYTES:
                    raise AnswerBroken("The scoring server's headers are too long.")
                return
            status, headers, length = _parse(bytes(self._received[:end]))
            self._head = status, headers, end + 4, length
        status, headers, start, length = self._head
        if length < 0:
            self._take_unmeasured(length)
            return
        if len(self._received) < start + length:
            return
        self._finish(status, headers, bytes(memoryview(self._received)[start : start + length]))

    def _take_unmeasured(self, length: int) -> None:
        status, headers, start, _ = self._head
        if length == UNTIL_CLOSED:
            if len(self._received) - start > ANSWER_BYTES:
                raise AnswerBroken(_TOO_LONG)
            return
        if self._chunks is None:
            self._chunks = Chunks(ANSWER_BYTES)
            del self._received[:start]
        try:
            is_whole = self._chunks.take(self._received)
        except ValueError as error:
            raise AnswerBroken("The scoring server's answer has a chunk that is none, or too many of them.") from error
        if is_whole:
            body, self._chunks = bytes(self._chunks.body), None
            self._finish(status, headers, body)

    def _finish(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self._received = bytearray()
        self._head = None
        self.keeps = headers.get(b"connection", b"").lower() != b"close"
        ended, self._ended = self._ended, None
        if ended is None:
            self.close()
            return
        ended(Reply(status, headers, body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._head is not None and self._head[3] == UNTIL_CLOSED and error is None:
            status, headers, start, _ = self._head
            self._finish(status, headers, bytes(self._received[start:]))
        elif self._received or self._head is not None:
            self._fail(AnswerBroken("The scoring server ended in the middle of its answer."))
        else:
            self._fail(ConnectionFailed(str(error or "The scoring server closed the connection.")))

    def _fail(self, error: Exception) -> None:
        self.close()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(error)

    @property
    def is_usable(self) -> bool:
        return not self.transport.is_closing() and time.monotonic() - self.idle_since < IDLE_SECONDS

    def close(self) -> None:
        with suppress(Exception):
            self.transport.abort()


@dataclass(slots=True)
class Server:
    """What is known of one address."""

    outstanding: int = 0
    failed_at: float = -AVOIDED_SECONDS
    idle: deque[Connection] = field(default_factory=deque)


class Pool:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}

    def outstanding(self, address: str) -> int:
        server = self._servers.get(address)
        return server.outstanding if server else 0

    def burden(self, address: str) -> tuple[bool, int]:
        """Less is better: whether it has just failed, and how many requests it has."""
        server = self._servers.get(address)
        if server is None:
            return False, 0
        return time.monotonic() - server.failed_at < AVOIDED_SECONDS, server.outstanding

    def avoid(self, address: str) -> None:
        """It has failed."""
        if address in self._servers:
            self._servers[address].failed_at = time.monotonic()

    def forget_all_but(self, addresses: set[str]) -> None:
        """Close what is kept open to servers that serve no more."""
        for address in [known for known in self._servers if known not in addresses]:
            if not self._servers[address].outstanding:
                for connection in self._servers.pop(address).idle:
                    connection.close()

    async def send(self, address: str, request: tuple[bytes, ...]) -> Reply:
        """Send the pieces of a request and read the whole answer; who is cancelled drops the connection.

        Raises NotConnected, ConnectionFailed, AnswerBroken.
        """
        connection = self.take(address)
        if connection is None:
            # Counted while it is made, too, so that others are sent elsewhere.
            server = self._servers.setdefault(address, Server())
            server.outstanding += 1
            try:
                connection = await _connect(address)
            except BaseException:
                server.outstanding -= 1
                raise
        try:
            return await connection.ask(request)
        except BaseException:
            connection.drop()
            raise
        finally:
            self.give_back(address, connection)

    def give_back(self, address: str, connection: Connection) -> None:
        """What was taken, or made, for one request."""
        server = self._servers[address]
        server.outstanding -= 1
        if connection.keeps and not connection.transport.is_closing() and len(server.idle) < IDLE_CONNECTIONS:
            connection.idle_since = time.monotonic()
            server.idle.append(connection)
        else:
            connection.close()

    def take(self, address: str) -> Connection | None:
        """A connection that is open already, to be given back, or None."""
        server = self._servers.get(address)
        while server is not None and server.idle:
            # The latest first: it is the least likely to have been closed meanwhile.
            connection = server.idle.pop()
            if connection.is_usable:
                server.outstanding += 1
                return connection
            connection.close()
        return None

    def close(self) -> None:
        for server in self._servers.values():
            while server.idle:
                server.idle.pop().close()


async def _connect(address: str) -> Connection:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, host.strip("[]"), int(port))
    except (OSError, TimeoutError, ValueError) as error:
        raise NotConnected(f"{address}: {error}") from error
    return connection


def _parse(raw: bytes) -> tuple[int, dict[bytes, bytes], int]:
    lines = raw.split(b"\r\n")
    headers = {}
    try:
        status = int(lines[0].split(b" ", 2)[1])
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        length = _length(status, headers)
    except (ValueError, IndexError) as error:
        raise AnswerBroken("The scoring server's answer is not HTTP.") from error
    if length > ANSWER_BYTES:
        raise AnswerBroken(f"The scoring server's answer has {length} bytes. At most {ANSWER_BYTES} are passed on.")
    return status, headers, length


_TOO_LONG = f"The scoring server's answer is too long. At most {ANSWER_BYTES} bytes are passed on."


def _length(status: int, headers: dict[bytes, bytes]) -> int:
    if status in (204, 304):
        return 0
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return IN_CHUNKS
    if (said := headers.get(b"content-length")) is not None:
        if not said.isdigit():
            raise ValueError(said)
        return int(said)
    return UNTIL_CLOSED
