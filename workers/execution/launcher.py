"""Starts user code as guests of this machine: from a warm process where one is ready, else from nothing."""

import contextlib
import json
import logging
import os
import secrets
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workers.containers.container import Container
from workers.containers.engine import engine_sockets
from workers.execution.commands import can_be_warm, python_arguments
from workers.execution.guest import cgroup, landlock
from workers.execution.guest import container as guest_container
from workers.execution.outcome import Outcome, describe
from workers.execution.warm import WarmProcess, WarmProcesses

__all__ = ["Guest", "Launch", "Launcher", "Limits", "Outcome"]

log = logging.getLogger(__name__)
SUPERVISE = Path(__file__).resolve().parent / "guest" / "supervise.py"
SOCKETS = SUPERVISE.with_name("sockets.py")
PRELOAD = ("numpy", "torch", "mlflow")
CLOSE_SECONDS = 5.0
_KEPT_BY_ENGINE = {"timeout_seconds": None, "memory_bytes": None}


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
    `warm`: it may be forked from a process that has the heavy imports done. With `container` that is run, in which
    command, variables and fence are already, and only what watches from outside is taken from here.
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
    container: Container | None = None


@dataclass(frozen=True)
class Supervised:
    """The worker's end of a supervisor. `process` is None where a warm process is its parent."""

    link: socket.socket
    process: subprocess.Popen | None


class Guest:
    """A started command, as its worker sees it. `pid` is None until its process is there."""

    def __init__(self, launch: Launch, mark: str, supervised: Supervised, again: Callable[[], Supervised]) -> None:
        self._launch = launch
        self._mark = mark
        self._supervised = supervised
        self._again = again
        self._unread = b""
        self._canceled = False
        self._outcome: Outcome | None = None
        self._lock = threading.Lock()
        self.pid: int | None = None

    def poll(self) -> Outcome | None:
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The outcome, once nothing of its process tree is left; None when `timeout` seconds pass before."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._outcome is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = select.select([self._supervised.link], [], [], left)[0]
            with self._lock:
                if self._outcome is None and ready:
                    self._listen()
            if not ready:
                return self._outcome
        return self._outcome

    def _listen(self) -> None:
        try:
            data = self._supervised.link.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for said in map(json.loads, lines):
            if "cause" in said:
                self._finish(said)
            else:
                self.pid = said["pid"]
        if not data:
            self._miss_supervisor()

    def _miss_supervisor(self) -> None:
        """It is gone without a word: a warm process died before it forked, or somebody killed it."""
        if self.pid is None and self._supervised.process is None:
            self._supervised.link.close()
            self._supervised = self._again()
            if self._canceled:
                self._supervised.link.sendall(b"cancel")
            return
        _end_marked(self._mark)
        if self._launch.container:
            guest_container.end(asdict(self._launch.container))
        self._finish({"exit_code": None, "signal": None, "cause": "lost", "amount": None})

    def _finish(self, said: dict) -> None:
        if self._supervised.process is not None:
            self._supervised.process.wait()
        self._outcome = describe(said, self._launch.limits, self._launch.log_path)

    def cancel(self) -> None:
        """Ask the tree to end; what is left of it three seconds later is killed."""
        with self._lock:
            self._canceled = True
            self._tell(lambda: self._supervised.link.sendall(b"cancel"))

    def close(self) -> None:
        """Let go of the tree, which is ended at once."""
        with self._lock:
            self._tell(lambda: self._supervised.link.shutdown(socket.SHUT_WR))

    def _tell(self, say: Callable[[], None]) -> None:
        if self._outcome is None:
            try:
                say()
            except OSError:
                log.info("%s had ended already", self._launch.name)


class Launcher:
    """One a worker process, for all its threads. What it started ends with it.

    `runtime_folder` takes what warm processes and supervisors have to say about themselves.
    """

    def __init__(self, runtime_folder: Path, warm_idle_seconds: float = 900, preload: Sequence[str] = PRELOAD) -> None:
        runtime_folder.mkdir(parents=True, exist_ok=True)
        self._messages = (runtime_folder / "launcher.log").open("wb")
        self.warm = WarmProcesses(preload, warm_idle_seconds, self._messages)
        # Of our own interpreter: it forks the supervisors of the commands that bash runs.
        self._bare = WarmProcesses((), warm_idle_seconds, self._messages)
        self._guests: list[Guest] = []
        self._lock = threading.Lock()
        self._sockets = engine_sockets()
        hides = [sys.executable, "-S", "-E", str(SOCKETS), *self._sockets]
        if self._sockets and subprocess.run(hides, check=False).returncode:
            log.warning("guests can reach %s: this process may not have mounts of its own", ", ".join(self._sockets))
        cgroup.remove_empty()
        if not landlock.available():
            log.warning("this kernel has no Landlock: guests are not kept from reading and signalling")

    def start(self, launch: Launch) -> Guest:
        """Returns at once. Raises OSError where no process can be started."""
        mark = secrets.token_hex(8)
        message = {**_message(launch, mark), "sockets": self._sockets}
        supervised = self._start_warm(launch, message) or self._start_bare(message) or self._start_cold(message)
        guest = Guest(launch, mark, supervised, again=lambda: self._start_cold(message))
        with self._lock:
            self._guests = [other for other in self._guests if other._outcome is None] + [guest]
        return guest

    def _start_warm(self, launch: Launch, message: dict) -> Supervised | None:
        arguments = python_arguments(launch.command)
        if (
            not launch.warm
            or launch.container
            or arguments is None
            or not can_be_warm(message["environ"], launch.python)
        ):
            return None
        return _forked(self.warm.ready(launch.python), {**message, "python_arguments": arguments})

    def _start_bare(self, message: dict) -> Supervised | None:
        return _forked(self._bare.ready(Path(sys.executable)), message)

    def _start_cold(self, message: dict) -> Supervised:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-S", "-E", str(SUPERVISE), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._messages,
                stderr=self._messages,
                env={"PATH": "/usr/bin:/bin"},
                start_new_session=True,
            )
        return _told(Supervised(ours, process), message)

    def close(self) -> None:
        """End every guest and warm process."""
        self.warm.close()
        self._bare.close()
        with self._lock:
            guests, self._guests = self._guests, []
        for guest in guests:
            guest.close()
        deadline = time.monotonic() + CLOSE_SECONDS
        for guest in guests:
            guest.wait(max(0.0, deadline - time.monotonic()))
        self._messages.close()


def _forked(warm: WarmProcess | None, message: dict) -> Supervised | None:
    if warm is None:
        return None
    ours, theirs = socket.socketpair()
    with theirs:
        if not warm.fork(theirs):
            ours.close()
            return None
    return _told(Supervised(ours, None), message)


def _told(supervised: Supervised, message: dict) -> Supervised:
    # Should it have died meanwhile, whoever waits for the guest finds out.
    with contextlib.suppress(ConnectionError):
        supervised.link.sendall(json.dumps(message).encode() + b"\n")
    return supervised


def _message(launch: Launch, mark: str) -> dict:
    environ = {"PYTHONUNBUFFERED": "1", **launch.environ, "ATELIER_GUEST": mark}
    path = environ.get("PATH", "/usr/bin:/bin")
    if path.split(":")[0] != str(launch.python.parent):
        environ["PATH"] = f"{launch.python.parent}:{path}"
    return {
        "command": launch.command,
        "environ": environ,
        "folder": str(launch.folder),
        "working_directory": str(launch.working_directory),
        "log_path": str(launch.log_path),
        "limits": asdict(launch.limits)
        | (_KEPT_BY_ENGINE if launch.container and launch.container.keeps_limits else {}),
        "readable": [str(path) for path in (*launch.readable, *_hidden_environment(launch))],
        "hidden": [str(path) for path in launch.hidden],
        "mark": mark,
        "container": asdict(launch.container) if launch.container else None,
    }


def _hidden_environment(launch: Launch) -> list[Path]:
    """The folder of the environment, where it lies in what is hidden."""
    folders = {launch.python.parent.parent, launch.python.resolve().parent.parent}
    return [folder for folder in folders if any(hidden in folder.parents for hidden in launch.hidden)]


def _end_marked(mark: str) -> None:
    """Kill what is in a guest's control groups or carries its mark in its environment."""
    wanted = f"ATELIER_GUEST={mark}".encode()
    pids = set(cgroup.members(mark))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes():
                    pids.add(int(entry.name))
            except OSError:
                continue
    for pid in pids:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
    cgroup.remove_empty()
