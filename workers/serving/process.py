"""Starts scoring servers as processes, and ends them with everything that they started."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workers.containers.container import Container

TAIL_BYTES = 32 * 1024
EXCEPTION_LINE = re.compile(r"^(?:[A-Za-z_][\w.]*)(?:Error|Exception|Exit|Interrupt|Warning)\b.*")
FAILED_TO_LOAD = "The model could not be loaded: "


@dataclass(frozen=True)
class Start:
    """`environ` is complete: nothing is inherited. Output goes to `log_path`, behind what is there.

    With `container` that is run instead, in which command, variables and fence are already.
    """

    name: str
    python: Path
    arguments: tuple[str, ...]
    folder: Path
    working_directory: Path
    environ: Mapping[str, str]
    log_path: Path
    memory_bytes: int | None
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    container: Container | None = None


class Process(Protocol):
    """`pid` is None until it is known."""

    pid: int | None

    def poll(self) -> str | None:
        """None while it runs; then one sentence that says how it ended."""

    def end(self, grace_seconds: float) -> None:
        """Ask it to end, and kill what is left of its tree after the grace; returns when it is gone."""


class Starter(Protocol):
    """`watches_stdin`: the server must end itself when its standard input closes."""

    watches_stdin: bool

    def start(self, start: Start) -> Process: ...


class PlainStarter:
    """Without a sandbox: a session of its own, which ends when this process does."""

    watches_stdin = True

    def start(self, start: Start) -> Process:
        with start.log_path.open("ab") as log:
            process = subprocess.Popen(
                [str(start.python), *start.arguments],
                cwd=start.working_directory,
                env=dict(start.environ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return PlainProcess(process)


class PlainProcess:
    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> str | None:
        code = self._process.poll()
        if code is None:
            return None
        self._kill_group()
        return describe_exit(code)

    def end(self, grace_seconds: float) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        self._kill_group()
        self._process.wait()
        self._process.stdin.close()

    def _kill_group(self) -> None:
        # The group outlives its leader while children of the user's code do.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    if code < 0:
        return f"The scoring server was killed by signal {-code} ({signal.Signals(-code).name})."
    return f"The scoring server ended with exit code {code}."


def last_words(log_path: Path) -> str:
    """The last line of a log."""
    if not log_path.exists():
        return ""
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - 4096))
        lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""


def error_in(log_path: Path, offset: int) -> str | None:
    """The line that says why it failed, of what was written to the log from `offset` on."""
    if not log_path.exists():
        return None
    with log_path.open("rb") as log:
        log.seek(max(offset, log_path.stat().st_size - TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        if line.startswith(FAILED_TO_LOAD):
            return line
    return next((line.strip() for line in reversed(lines) if EXCEPTION_LINE.match(line)), None)
