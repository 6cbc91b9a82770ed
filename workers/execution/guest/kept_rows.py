"""The rows of a parallel step in the order of its mini-batches, and a journal from which another attempt goes on.

Standard library alone, under the interpreter of any environment. A journal is a series of records: a line of JSON
with the state after it and the length of the rows that follow. The worker carries it to the artifact store, so its
end may be torn. Each attempt writes its own, whose first record says where it began: of older ones, what lies beyond
that was never used.
"""

import json
import os
import time
from dataclasses import asdict, dataclass

RECORD_BYTES = 1 << 20
RECORD_SECONDS = 1


@dataclass
class State:
    """`next` is the first mini-batch that is not settled, `row` the number of the next row of the file `part_of`.

    `input` tells whether the mini-batches are those of the earlier attempt.
    """

    input: str
    next: int = 0
    done: int = 0
    failed: int = 0
    lost: int = 0
    items: int = 0
    rows: int = 0
    bytes: int = 0
    part_of: str | None = None
    row: int = 0


class KeptRows:
    """`state` holds what is true after the rows that were written last."""

    def __init__(self, path, journal, earlier, input, folders=()):
        """`path` is None where no rows are kept; `earlier` is a folder with the journals of earlier attempts.

        `folders` are those that the script may write into. Its files are lost with a worker, so mini-batches are on
        record only as long as there are none.
        """
        self.path, self.folders, self.state = path, folders, State(input)
        self.out = open(path, "wb") if path else None
        if self.out and earlier and os.path.isdir(earlier):
            self.take_up([os.path.join(earlier, name) for name in sorted(os.listdir(earlier))])
        self.journal = open(journal, "wb") if self.out and journal else None
        self.waiting, self.waiting_bytes, self.recorded = [], 0, 0.0
        self.record()

    def take_up(self, journals):
        for journal, end in reversed(used(journals, self.state.input)):
            for state, rows in records(journal):
                if state["next"] > end:
                    break
                self.state = State(**state)
                self.out.write(rows)

    def write(self, rows):
        """Keep the rows of the mini-batch before `state.next`."""
        if self.out is None:
            return
        data = "".join(row + "\n" for row in rows).encode(errors="surrogateescape")
        self.out.write(data)
        if self.journal:
            self.waiting.append(data)
            self.waiting_bytes += len(data)
            if self.waiting_bytes > RECORD_BYTES:
                self.record()

    def look(self):
        """Put on record what has waited long enough."""
        if self.waiting and time.monotonic() - self.recorded > RECORD_SECONDS:
            self.record()

    def record(self):
        if self.journal and not self.is_alone():
            self.stop()
        if self.journal is None:
            return
        data = b"".join(self.waiting)
        header = json.dumps({**asdict(self.state), "length": len(data)})
        self.journal.write(header.encode() + b"\n" + data)
        self.journal.flush()
        self.waiting, self.waiting_bytes, self.recorded = [], 0, time.monotonic()

    def stop(self):
        """Put nothing more on record."""
        if self.journal:
            self.journal.close()
        self.journal = None

    def is_alone(self):
        """Whether the file of rows is all that was written into the outputs."""
        for folder in self.folders:
            with os.scandir(folder) as found:
                if any(entry.path != self.path for entry in found):
                    return False
        return True

    def close(self):
        for file in (self.out, self.journal):
            if file:
                file.close()


def records(journal):
    """State and rows of each whole record."""
    with open(journal, "rb") as file:
        while True:
            line = file.readline()
            if not line.endswith(b"\n"):
                return
            state = json.loads(line)
            length = state.pop("length")
            rows = file.read(length)
            if len(rows) < length:
                return
            yield state, rows


def used(journals, input):
    """The journals that together make up the rows, the newest first, each with the mini-batch that it ends before."""
    found, end = [], float("inf")
    for journal in reversed(journals):
        first = next(records(journal), None)
        if first is None:
            continue
        if first[0]["input"] != input or first[0]["next"] > end:
            break
        found.append((journal, end))
        end = first[0]["next"]
        if end == 0:
            break
    return found if end == 0 else []
