"""Starts scoring servers through the launcher, which fences them in as it does jobs."""

import shlex

from workers.execution.launcher import Guest, Launch, Launcher, Limits
from workers.serving.process import Process, Start

LOG_BYTES = 256 * 2**20
DISK_BYTES = 20 * 2**30
PROCESSES = 512


class GuardedStarter:
    # The launcher's own supervisor ends what it started when the worker is gone.
    watches_stdin = False

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def start(self, start: Start) -> Process:
        launch = Launch(
            name=start.name,
            command=shlex.join(["exec", str(start.python), *start.arguments]),
            python=start.python,
            folder=start.folder,
            working_directory=start.working_directory,
            environ=start.environ,
            log_path=start.log_path,
            limits=Limits(
                timeout_seconds=None,
                memory_bytes=start.memory_bytes,
                disk_bytes=DISK_BYTES,
                processes=PROCESSES,
                log_bytes=LOG_BYTES,
            ),
            readable=start.readable,
            hidden=start.hidden,
            warm=False,
            container=start.container,
        )
        return GuardedProcess(self._launcher.start(launch))


class GuardedProcess:
    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    @property
    def pid(self) -> int | None:
        return self._guest.pid

    def poll(self) -> str | None:
        outcome = self._guest.poll()
        if outcome is None:
            return None
        return outcome.message or f"The scoring server ended with exit code {outcome.exit_code}."

    def end(self, grace_seconds: float) -> None:
        """The launcher's grace is its own, three seconds."""
        self._guest.cancel()
        self._guest.wait(grace_seconds + 5)
