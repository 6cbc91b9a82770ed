"""Moves what a job prints into its log, up to a limit. Standard library only."""

import os
import select

PIPE_BYTES = 1 << 20


class Log:
    """Beyond `limit` bytes what is printed is read and dropped, so that no script waits for a full pipe."""

    def __init__(self, path, limit):
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._limit = limit
        self._seen = 0
        self.error = None

    def copy(self, output):
        """Takes what can be read now; False at the end of `output`."""
        try:
            data = os.read(output, PIPE_BYTES)
        except BlockingIOError:
            return True
        left = self._limit - self._seen
        self._seen += len(data)
        if left >= 0:
            self._write(data[:left])
            if len(data) > left:
                self._write(f"\n[The output is cut here, at {self._limit / 1e6:.0f} MB.]\n".encode())
                self._limit = -1
        return bool(data)

    def drain(self, output):
        """What is in the pipe still belongs to the log; its writers are dead."""
        while select.select([output], [], [], 0)[0] and self.copy(output):
            pass

    def _write(self, data):
        try:
            while data:
                data = data[os.write(self._handle, data) :]
        except OSError as error:
            self.error = str(error)
