"""Loads an HTTP server over kept connections: python load.py PORT CONNECTIONS SECONDS < request

The request is read whole from standard input and sent as it is; each connection sends the next one when its answer
is there. Prints JSON: requests, seconds, p50_ms, p99_ms, and `failed`, the answers whose status was not 200.
"""

import json
import selectors
import socket
import sys
import time

WARM_SECONDS = 0.5


class Connection:
    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.received = b""
        self.needed = 0
        self.sent_at = 0.0

    def ask(self) -> None:
        self.received, self.needed = b"", 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(self.request)

    def read(self) -> bool:
        """Whether the answer is whole."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.received = self.received + piece if self.received else piece
        if not self.needed:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = self.received[:end].lower()
            start = head.find(b"content-length:")
            if start < 0:
                raise ValueError(f"an answer without a length: {head!r}")
            self.needed = end + 4 + int(head[start + 15 :].split(b"\r\n", 1)[0])
        return len(self.received) >= self.needed


def measure(port: int, connections: int, seconds: float, request: bytes) -> dict:
    selector = selectors.EpollSelector()
    for _ in range(connections):
        one = Connection(port, request)
        selector.register(one.socket, selectors.EVENT_READ, one)
        one.ask()
    begin = time.perf_counter() + WARM_SECONDS
    times, failed = [], 0
    while (moment := time.perf_counter()) < begin + seconds:
        for key, _ in selector.select(5):
            one = key.data
            if one.read():
                moment = time.perf_counter()
                if moment > begin:
                    times.append(moment - one.sent_at)
                    failed += one.received[9:12] != b"200"
                one.ask()
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1000 if times else None  # noqa: E731
    return {"requests": len(times), "seconds": seconds, "p50_ms": at(0.5), "p99_ms": at(0.99), "failed": failed}


if __name__ == "__main__":
    asked = sys.argv[1:]
    print(json.dumps(measure(int(asked[0]), int(asked[1]), float(asked[2]), sys.stdin.buffer.read())))
