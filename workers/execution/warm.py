"""The warm processes that a worker holds: one an interpreter, begun when first wanted, ended when idle."""

import array
import json
import logging
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)
PROGRAM = Path(__file__).resolve().parent / "guest" / "warm.py"
READY_SECONDS = 180
# An environment whose imports crash is not tried again with every job.
FAILED_PAUSE_SECONDS = 600


class WarmProcess:
    def __init__(self, python: Path, preload: Sequence[str], messages: BinaryIO) -> None:
        ours, theirs = socket.socketpair()
        self._link = ours
        self._process = subprocess.Popen(
            # Unbuffered, as the streams made now are those of the jobs.
            [str(python), "-u", str(PROGRAM), str(theirs.fileno()), *preload],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
            env={
                "PATH": f"{python.parent}:/usr/bin:/bin",
                "HOME": "/nonexistent",
                "LANG": os.environ.get("LANG", "C.UTF-8"),
                "MLFLOW_DISABLE_TELEMETRY": "true",
            },
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        self.begun_at = self.used_at = time.monotonic()
        self._said = b""

    def is_ready(self) -> bool:
        """Whether its imports are done."""
        if not self._said and select.select([self._link], [], [], 0)[0]:
            self._said = self._link.recv(4096)
            if self._said and (loaded := ", ".join(json.loads(self._said)["loaded"])):
                log.info("a process with %s is warm after %.1f s", loaded, time.monotonic() - self.begun_at)
        return bool(self._said) and not self.is_dead()

    def is_dead(self) -> bool:
        return self._process.poll() is not None

    def has_failed(self) -> bool:
        """Whether it ended, or takes for ever, before it was ready."""
        return not self.is_ready() and not self._said and (self.is_dead() or self._age() > READY_SECONDS)

    def _age(self) -> float:
        return time.monotonic() - self.begun_at

    def fork(self, link: socket.socket) -> bool:
        """Have it fork a supervisor that talks over the other end of `link`; False when it has just died."""
        self.used_at = time.monotonic()
        handles = array.array("i", [link.fileno()])
        try:
            self._link.sendmsg([b"j"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
        except OSError:
            return False
        return True

    def end(self) -> None:
        """What it has forked lives on."""
        self._process.kill()
        self._link.close()
        self._process.wait()


class WarmProcesses:
    """For use from many threads. With `idle_seconds` 0 there are none."""

    def __init__(self, preload: Sequence[str], idle_seconds: float, messages: BinaryIO) -> None:
        self._preload = tuple(preload)
        self._idle_seconds = idle_seconds
        self._messages = messages
        self._processes: dict[Path, WarmProcess] = {}
        self._failed_at: dict[Path, float] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._retire, name="retire warm processes", daemon=True).start()

    def ready(self, python: Path) -> WarmProcess | None:
        """A ready one, or None while one is being made ready: to start cold is quicker than to wait."""
        with self._lock:
            if self._closed.is_set() or not self._idle_seconds:
                return None
            found = self._processes.get(python)
            if found is not None and (found.is_dead() or found.has_failed()):
                self._forget(python, found)
                found = None
            if found is None:
                if time.monotonic() - self._failed_at.get(python, -FAILED_PAUSE_SECONDS) >= FAILED_PAUSE_SECONDS:
                    self._processes[python] = WarmProcess(python, self._preload, self._messages)
                return None
            return found if found.is_ready() else None

    def _forget(self, python: Path, process: WarmProcess) -> None:
        if process.has_failed():
            self._failed_at[python] = time.monotonic()
            log.warning("no process of %s gets warm: its jobs start cold", python)
        del self._processes[python]
        process.end()

    def _retire(self) -> None:
        while not self._closed.wait(min(5.0, self._idle_seconds or 5.0)):
            with self._lock:
                for python, process in list(self._processes.items()):
                    idle = time.monotonic() - process.used_at > self._idle_seconds
                    if idle or process.is_dead() or process.has_failed():
                        self._forget(python, process)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            for process in self._processes.values():
                process.end()
            self._processes.clear()
