"""The instances that this worker serves, each with a process that is kept alive."""

import threading
from pathlib import Path

from workers.serving.instance import Instance, InstanceSpec
from workers.serving.process import PlainStarter, Starter
from workers.serving.supervision import Supervision

__all__ = ["Instance", "InstanceSpec", "Supervisor"]

DRAIN_SECONDS = 10.0


class Supervisor:
    """One a worker process, thread-safe; what it started ends with the worker."""

    def __init__(self, folder: Path, launcher=None) -> None:
        """`launcher` fences the servers in; without one they are plain child processes."""
        folder.mkdir(parents=True, exist_ok=True)
        self._starter = _starter(launcher)
        self._kept: dict[str, Supervision] = {}
        self._ending: list[Supervision] = []
        self._lock = threading.Lock()

    def ensure(self, spec: InstanceSpec) -> Instance:
        """Start it unless it is kept already; another spec under the same name replaces the process."""
        with self._lock:
            self._ending = [ending for ending in self._ending if ending.instance.state != "Stopped"]
            kept = self._kept.get(spec.name)
            if kept is not None and kept.spec != spec:
                self._end(spec.name, 0)
                kept.join()
                kept = None
            if kept is None:
                kept = self._kept[spec.name] = Supervision(spec, self._starter)
            return kept.instance

    def stop(self, name: str, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Returns at once; requests in flight have `drain_seconds` to end."""
        with self._lock:
            self._end(name, drain_seconds)

    def _end(self, name: str, drain_seconds: float) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            kept.end(drain_seconds)
            self._ending.append(kept)

    def names(self) -> list[str]:
        with self._lock:
            return list(self._kept)

    def instances(self) -> list[Instance]:
        with self._lock:
            return [kept.instance for kept in self._kept.values()]

    def close(self, drain_seconds: float = 2.0) -> None:
        """Returns when every process is gone."""
        with self._lock:
            for name in list(self._kept):
                self._end(name, drain_seconds)
            ending, self._ending = self._ending, []
        for kept in ending:
            kept.join()


def _starter(launcher) -> Starter:
    if launcher is None:
        return PlainStarter()
    # Imported here: the plain starter needs nothing of job execution.
    from workers.serving.guarded import GuardedStarter

    return GuardedStarter(launcher)
