"""Starts user code as guests of this machine: from a warm process where one is ready, else from nothing."""

import array
import json
import logging
import os
import re
import secrets
import select
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workers.execution.guest import landlock
from workers.execution.outcome import Outcome, describe

__all__ = ["Guest", "Launch", "Launcher", "Limits", "Outcome"]

log = logging.getLogger(__name__)
GUEST = Path(__file__).resolve().parent / "guest"
PRELOAD = ("numpy", "torch", "mlflow")
READY_SECONDS = 120
# Variables that an interpreter or a library reads when it starts, so that a warm process is too late for them.
EARLY = re.compile(
    r"(PYTHON(?!UNBUFFERED$)|LD_|MALLOC_|OMP_|MKL_|OPENBLAS_|NUMEXPR_|KMP_|GOMP_|TORCH_|MLFLOW_CONFIGURE)"
)
SHELL = re.compile(r"[|&;<>()$`\\\n*?\[\]{}~#!]")


@dataclass(frozen=True)
class Limits:
    """None is no limit. `log_bytes` of what is printed are kept; the rest is read and dropped."""

    timeout_seconds: float | None
    memory_bytes: int | None
    disk_bytes: int | None
    processes: int | None
    log_bytes: int


@dataclass(frozen=True)
class Launch:
    """A command and all that it may know and touch. `environ` is complete: nothing is inherited.

    `hidden` paths cannot even be read, but for what `folder` and `readable` hold below them.
    `warm`: it may be forked from a process that has the heavy imports done.
    """

    name: str
    command: str
    python: Path
    folder: Path
    working_directory: Path
    environ: Mapping[str, str] = field(repr=False)
    log_path: Path
    limits: Limits
    readable: Sequence[Path] = ()
    hidden: Sequence[Path] = ()
    warm: bool = True


class Guest:
    """A started command, as its worker sees it. Not for use from several threads at a time."""

    def __init__(self, launch: Launch, link: socket.socket, process: subprocess.Popen | None, mark: str) -> None:
        self._launch = launch
        self._link = link
        self._process = process
        self._mark = mark
        self._said = b""
        self._outcome: Outcome | None = None

    def poll(self) -> Outcome | None:
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The outcome, once nothing of its process tree is left; None when `timeout` seconds pass before."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._outcome is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._link], [], [], left)[0]:
                return None
            self._listen()
        return self._outcome

    def _listen(self) -> None:
        try:
            data = self._link.recv(65536)
        except ConnectionError:
            data = b""
        self._said += data
        if self._said.endswith(b"\n"):
            self._finish(json.loads(self._said))
        elif not data:
            # The supervisor is gone without a word: somebody killed it.
            _end_marked(self._mark)
            self._finish({"exit_code": None, "signal": None, "cause": "lost", "amount": None})

    def _finish(self, said: dict) -> None:
        self._link.close()
        if self._process is not None:
            self._process.wait()
        self._outcome = describe(said, self._launch.limits, self._launch.log_path)

    def cancel(self) -> None:
        """Ask the tree to end; what is left of it three seconds later is killed."""
        if self._outcome is None:
            try:
                self._link.sendall(b"cancel")
            except OSError:
                log.info("%s ended before it could be canceled", self._launch.name)

    def close(self) -> None:
        """Let go of the socket, which ends the tree at once."""
        self._link.close()


class Warm:
    """A warm process of one interpreter."""

    def __init__(self, python: Path, preload: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        environ = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": "/nonexistent", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self.link = ours
        self.process = subprocess.Popen(
            [str(python), str(GUEST / "warm.py"), str(theirs.fileno()), *preload],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**environ, "LANG": os.environ.get("LANG", "C.UTF-8"), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        self.used_at = time.monotonic()
        self._ready = False

    def is_ready(self) -> bool:
        """Whether its imports are done."""
        if not self._ready and select.select([self.link], [], [], 0)[0]:
            self._ready = bool(self.link.recv(4096))
        return self._ready and self.process.poll() is None

    def is_dead(self) -> bool:
        return self.process.poll() is not None

    def fork(self, link: socket.socket) -> None:
        """Have it fork a supervisor that talks over the other end of `link`."""
        self.used_at = time.monotonic()
        handles = array.array("i", [link.fileno()])
        self.link.sendmsg([b"j"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])

    def close(self) -> None:
        self.link.close()
        self.process.wait()


class Launcher:
    """One a worker process, for all its threads. What it started ends with it."""

    def __init__(self, runtime_folder: Path, warm_idle_seconds: float = 900, preload: Sequence[str] = PRELOAD) -> None:
        runtime_folder.mkdir(parents=True, exist_ok=True)
        self._idle_seconds = warm_idle_seconds
        self._preload = tuple(preload)
        self._warm: dict[Path, Warm] = {}
        self._guests: list[Guest] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._retiring = threading.Thread(target=self._retire, name="retire warm processes", daemon=True)
        self._retiring.start()
        if not landlock.available():
            log.warning("this kernel has no Landlock: guests are not kept from reading and signalling")

    def start(self, launch: Launch) -> Guest:
        mark = secrets.token_hex(8)
        arguments = python_arguments(launch.command) if launch.warm and _may_be_warm(launch) else None
        ours, theirs = socket.socketpair()
        warm = self._warm_process(launch.python) if arguments else None
        process = None
        if warm is not None:
            warm.fork(theirs)
        else:
            process = _start_supervisor(theirs)
        theirs.close()
        ours.sendall(json.dumps(_message(launch, arguments, mark)).encode() + b"\n")
        guest = Guest(launch, ours, process, mark)
        with self._lock:
            self._guests = [other for other in self._guests if other._outcome is None] + [guest]
        return guest

    def _warm_process(self, python: Path) -> Warm | None:
        """A ready one, or None while one is being made ready: to start cold is quicker than to wait."""
        with self._lock:
            if self._closed.is_set() or not self._idle_seconds:
                return None
            found = self._warm.get(python)
            if found is None or found.is_dead():
                self._warm[python] = Warm(python, self._preload)
                return None
            return found if found.is_ready() else None

    def _retire(self) -> None:
        while not self._closed.wait(min(5.0, self._idle_seconds or 5.0)):
            with self._lock:
                idle = [
                    python
                    for python, warm in self._warm.items()
                    if warm.is_dead() or time.monotonic() - warm.used_at > self._idle_seconds
                ]
                for python in idle:
                    self._warm.pop(python).close()

    def close(self) -> None:
        """End every guest and warm process."""
        self._closed.set()
        with self._lock:
            guests, self._guests = self._guests, []
            warm, self._warm = list(self._warm.values()), {}
        for guest in guests:
            guest.close()
        for process in warm:
            process.close()


def _start_supervisor(link: socket.socket) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-S", "-E", str(GUEST / "supervise.py"), str(link.fileno())],
        pass_fds=[link.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )


def _message(launch: Launch, arguments: list[str] | None, mark: str) -> dict:
    return {
        "command": launch.command,
        "python_arguments": arguments,
        "environ": {**launch.environ, "ATELIER_GUEST": mark},
        "folder": str(launch.folder),
        "working_directory": str(launch.working_directory),
        "log_path": str(launch.log_path),
        "limits": asdict(launch.limits),
        "readable": [str(path) for path in launch.readable],
        "hidden": [str(path) for path in launch.hidden],
        "mark": mark,
    }


def _may_be_warm(launch: Launch) -> bool:
    return not any(EARLY.match(name) for name in launch.environ)


def python_arguments(command: str) -> list[str] | None:
    """What follows `python` in a command that is one plain call of it, or None for any other command."""
    command = command.strip()
    if SHELL.search(command):
        return None
    try:
        name, *rest = shlex.split(command)
    except ValueError:
        return None
    if rest[:1] == ["-u"]:
        rest = rest[1:]
    if name not in ("python", "python3") or not rest:
        return None
    if rest[0] == "-m":
        return rest if len(rest) > 1 else None
    return None if rest[0].startswith("-") else rest


def _end_marked(mark: str) -> None:
    """Kill what carries a guest's mark in its environment."""
    wanted = f"ATELIER_GUEST={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), 9)
            except OSError:
                continue
