"""A plain HTTP client that costs as little as it can, so that a benchmark measures the server."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 20


class Wire:
    """One kept-alive connection. A call returns the parsed answer and raises where its status is not 200."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port = port
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        self.headers = f"Host: 127.0.0.1:{port}\r\n{bearer}Content-Type: application/json\r\n"
        self.left = b""
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, method: str, path: str, fields: dict | None = None) -> bytes:
        """The bytes of a request; made beforehand, they cost a measured call nothing."""
        body = json.dumps(fields).encode() if fields is not None else b""
        return f"{method} {path} HTTP/1.1\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def call(self, method: str, path: str, fields: dict | None = None) -> dict:
        return json.loads(self.send(self.request(method, path, fields)))

    def send(self, request: bytes) -> bytes:
        """The body of the answer to a request."""
        self.socket.sendall(request)
        return b"".join(self._body())

    def put_file(self, path: str, file: Path) -> None:
        head = f"PUT {path} HTTP/1.1\r\n{self.headers}Content-Length: {file.stat().st_size}\r\n\r\n"
        self.socket.sendall(head.encode())
        with file.open("rb") as source:
            self.socket.sendfile(source)
        for _ in self._body():
            pass

    def get_size(self, path: str) -> int:
        """Fetch a file and throw it away; the bytes received."""
        self.socket.sendall(self.request("GET", path))
        return sum(len(piece) for piece in self._body())

    def _body(self) -> Iterator[bytes]:
        status, headers = self._head()
        if headers.get("transfer-encoding") == "chunked":
            pieces = self._chunks()
        else:
            pieces = self._exactly(int(headers.get("content-length", 0)))
        if status != 200:
            raise RuntimeError(f"{status} {b''.join(pieces)[:500]!r}")
        yield from pieces
        if headers.get("connection") == "close":
            self.socket.close()
            self._connect()

    def _head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self.left:
            self.left += self._receive()
        head, _, self.left = self.left.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip().lower() for name, _, value in pairs}

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count > 0:
            piece = self.left or self._receive()
            self.left = piece[count:]
            piece = piece[:count]
            count -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            while b"\r\n" not in self.left:
                self.left += self._receive()
            size, _, self.left = self.left.partition(b"\r\n")
            count = int(size, 16)
            yield from self._exactly(count)
            b"".join(self._exactly(2))
            if not count:
                return

    def _receive(self) -> bytes:
        piece = self.socket.recv(PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece
