"""Bodies of HTTP/1.1 that come in chunks (RFC 9112, section 7.1)."""

LINE_BYTES = 8192


class Chunks:
    """Taken in as they come; `body` is what has come so far."""

    def __init__(self, most: int) -> None:
        self.body = bytearray()
        self._most = most
        self._left: int | None = None
        self._is_last = False

    def take(self, received: bytearray) -> bool:
        """Move what is there out of `received`; whether that was all. Raises ValueError for what is no chunk."""
        while True:
            if self._left is None:
                line = _line(received)
                if line is None:
                    return False
                if self._is_last:
                    if not line:
                        return True
                    continue
                size = int(line.partition(b";")[0], 16)
                self._is_last = size == 0
                self._left = None if self._is_last else size + 2
            elif len(received) < self._left:
                return False
            else:
                self.body += memoryview(received)[: self._left - 2]
                del received[: self._left]
                self._left = None
                if len(self.body) > self._most:
                    raise ValueError("too long")


def _line(received: bytearray) -> bytes | None:
    end = received.find(b"\r\n")
    if end < 0:
        if len(received) > LINE_BYTES:
            raise ValueError("too long")
        return None
    line = bytes(received[:end])
    del received[: end + 2]
    return line
