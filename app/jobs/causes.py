"""Finds the line of a log that says why the job failed."""

import re

from app.jobs.places import log_key
from app.jobs.tables import Job
from app.kit.storage import store

TAIL_BYTES = 256 << 10
# The last line of a Python traceback: a dotted name of an exception, alone or before its message.
_RAISED = re.compile(rb"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit)(?::.*)?$")


def line_of_failure(job: Job) -> int | None:
    """Number, from 1, of the last exception in the job's output, or of its last line; None when it is empty."""
    key = log_key(job)
    size = store().size(key)
    if not size:
        return None
    start = max(0, size - TAIL_BYTES)
    before = sum(chunk.count(b"\n") for chunk in store().read(key, 0, start)) if start else 0
    lines = b"".join(store().read(key, start, size)).rstrip().split(b"\n")
    raised = [number for number, line in enumerate(lines) if _RAISED.match(line.rstrip())]
    return before + (raised[-1] if raised else len(lines) - 1) + 1
