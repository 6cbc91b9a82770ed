"""A job in the hands of a worker, and what can take it out of them."""

import threading
from dataclasses import dataclass, field


class Stopped(Exception):
    """The job was cancelled, or is no longer this worker's."""


@dataclass
class Held:
    """A job in this worker's hands.

    `cancel`: its user wants it ended; `taken`: it is no longer ours; `leave`: this worker is going.
    """

    job_id: int
    attempt: int
    rank: int = 0
    cancel: threading.Event = field(default_factory=threading.Event)
    taken: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)

    @property
    def must_stop(self) -> bool:
        return self.cancel.is_set() or self.taken.is_set() or self.leave.is_set()
