"""What the processes of instances use of this machine."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from workers.execution import gpus


@dataclass(frozen=True)
class _Look:
    at: float
    cpu_seconds: float


class Usage:
    """Remembers the last look at each process tree, since the use of processors is told from one look to the next."""

    def __init__(self) -> None:
        self._looks: dict[int, _Look] = {}

    def look(self, pids: Iterable[int]) -> dict[int, dict[str, float]]:
        """`cpu` in processors and `memory` in bytes of each tree, `gpu` in percent and `gpu_memory` where it has some.

        A tree that is seen for the first time has no `cpu` yet; one that is gone is left out.
        """
        trees = {pid: tree for pid in pids if (tree := _tree(pid))}
        on_gpus = gpus.use_by_process() if trees else {}
        found = {pid: self._of_tree(pid, tree) for pid, tree in trees.items()}
        for pid, tree in trees.items():
            used = [on_gpus[process.pid] for process in tree if process.pid in on_gpus]
            if used:
                found[pid]["gpu"] = max(percent for percent, _ in used)
                found[pid]["gpu_memory"] = sum(memory for _, memory in used)
        self._looks = {pid: look for pid, look in self._looks.items() if pid in trees}
        return found

    def _of_tree(self, pid: int, tree: list[psutil.Process]) -> dict[str, float]:
        seconds, memory = 0.0, 0
        for process in tree:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    seconds += times.user + times.system + times.children_user + times.children_system
                    memory += process.memory_info().rss
            except psutil.Error:
                continue
        now, before = time.monotonic(), self._looks.get(pid)
        self._looks[pid] = _Look(now, seconds)
        used = {"memory": float(memory)}
        if before is not None and now > before.at:
            # A child that ended takes its time with it.
            used["cpu"] = max(0.0, seconds - before.cpu_seconds) / (now - before.at)
        return used


def _tree(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []
