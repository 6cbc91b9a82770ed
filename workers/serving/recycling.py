"""Which instances have grown so far towards their memory limit that another should take over before they are ended."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from workers.execution.guest import tree

FULL = 0.8
GROWN = 0.1
"""Both are parts of the limit: a model that was as large from the start is not made smaller by a new instance."""


@dataclass(frozen=True)
class Held:
    """A process tree that serves, and the bytes that it may have."""

    pid: int
    limit: int


class Recycler:
    """Remembers what each process tree had when it was first seen to serve."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def worn(self, held: Mapping[int, Held]) -> dict[int, str]:
        """Of instances by their ids, those to replace, each with the reason.

        One is left alone, until its limit ends it, while this machine has no room for another of its size.
        """
        self._first = {item.pid: self._first[item.pid] for item in held.values() if item.pid in self._first}
        found = {}
        for instance_id, item in held.items():
            used = tree.memory([item.pid, *tree.descendants(item.pid)], item.limit * FULL)
            grown = used - self._first.setdefault(item.pid, used)
            has_room = psutil.virtual_memory().available > used
            if used > item.limit * FULL and grown > item.limit * GROWN and has_room:
                part = f"{used / 2**20:.0f} of {item.limit / 2**20:.0f} MiB"
                found[instance_id] = f"It has grown to {part} of memory; another takes over."
        return found
