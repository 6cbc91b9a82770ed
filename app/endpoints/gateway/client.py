"""HTTP/1.1 to scoring servers over connections that are kept, with no more than the scoring path needs."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

CONNECT_SECONDS = 2.0
IDLE_SECONDS = 30.0
IDLE_CONNECTIONS = 64
HEAD_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024


class ConnectionFailed(Exception):
    """The connection ended before the first byte of an answer."""


class AnswerBroken(Exception):
    """The answer began and did not end, or was not HTTP."""


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float = 0.0

    @property
    def is_usable(self) -> bool:
        ended = self.writer.is_closing() or self.reader.at_eof()
        return not ended and time.monotonic() - self.idle_since < IDLE_SECONDS

    def close(self) -> None:
        with suppress(Exception):
            self.writer.transport.abort()


@dataclass(frozen=True)
class Head:
    """`headers` have lower-case names; `length` is that of the body, in bytes."""

    status: int
    headers: dict[bytes, bytes]
    length: int
    keeps: bool


@dataclass
class Server:
    """What is known of one address."""

    outstanding: int = 0
    idle: deque[Connection] = field(default_factory=deque)


class Pool:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}

    def outstanding(self, address: str) -> int:
        server = self._servers.get(address)
        return server.outstanding if server else 0

    def forget_all_but(self, addresses: set[str]) -> None:
        """Close what is kept open to servers that serve no more."""
        for address in [known for known in self._servers if known not in addresses]:
            if not self._servers[address].outstanding:
                for connection in self._servers.pop(address).idle:
                    connection.close()

    async def send(self, address: str, request: bytes) -> "Exchange":
        """Send a whole request and read the head of its answer; the exchange must be closed.

        Raises ConnectionFailed, AnswerBroken.
        """
        server = self._servers.setdefault(address, Server())
        server.outstanding += 1
        connection = None
        try:
            connection = self._kept(server) or await _connect(address)
            head = await _ask(connection, request)
        except BaseException:
            server.outstanding -= 1
            if connection is not None:
                connection.close()
            raise
        return Exchange(server, connection, head)

    @staticmethod
    def _kept(server: Server) -> Connection | None:
        while server.idle:
            # The latest first: it is the least likely to have been closed meanwhile.
            connection = server.idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        for server in self._servers.values():
            while server.idle:
                server.idle.pop().close()


class Exchange:
    """An answer whose body is still to be read."""

    def __init__(self, server: Server, connection: Connection, head: Head) -> None:
        self.head = head
        self._server, self._connection = server, connection
        self._left = head.length

    async def pieces(self) -> AsyncIterator[bytes]:
        while self._left:
            try:
                piece = await self._connection.reader.read(min(self._left, PIECE_BYTES))
            except OSError as error:
                raise AnswerBroken(str(error)) from error
            if not piece:
                raise AnswerBroken("The scoring server ended in the middle of its answer.")
            self._left -= len(piece)
            yield piece

    def close(self) -> None:
        """Keep the connection if the answer was read to its end, and drop it otherwise."""
        self._server.outstanding -= 1
        reusable = self.head.keeps and not self._left and len(self._server.idle) < IDLE_CONNECTIONS
        if reusable:
            self._connection.idle_since = time.monotonic()
            self._server.idle.append(self._connection)
        else:
            self._connection.close()


async def _connect(address: str) -> Connection:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), limit=HEAD_BYTES)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConnectionFailed(f"{address}: {error}") from error
    return Connection(reader, writer, time.monotonic())


async def _ask(connection: Connection, request: bytes) -> Head:
    try:
        connection.writer.write(request)
        if len(request) > PIECE_BYTES:
            await connection.writer.drain()
        raw = await connection.reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise AnswerBroken("The scoring server ended in the middle of its answer.") from error
        raise ConnectionFailed("The scoring server closed the connection.") from error
    except asyncio.LimitOverrunError as error:
        raise AnswerBroken("The scoring server's headers are too long.") from error
    except OSError as error:
        raise ConnectionFailed(str(error)) from error
    return _parse(raw)


def _parse(raw: bytes) -> Head:
    lines = raw[:-4].split(b"\r\n")
    headers = {}
    try:
        status = int(lines[0].split(b" ", 2)[1])
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers[b"content-length"])
    except (ValueError, IndexError, KeyError) as error:
        raise AnswerBroken("The scoring server's answer is not HTTP with a length.") from error
    return Head(status, headers, length, headers.get(b"connection", b"").lower() != b"close")
