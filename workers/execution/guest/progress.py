"""How far a parallel step is: a line in its log every few seconds, and a file that the worker shows to others.

Standard library alone, under the interpreter of any environment.
"""

import json
import os
import time

FILE_SECONDS = 1
LOG_SECONDS = 10


class Progress:
    def __init__(self, path, total, state):
        """`total` has the `items`, and for files that are scored in pieces the `bytes`; either may be unknown."""
        self.path, self.total = path, total
        self.measure = "bytes" if total.get("bytes") else "items"
        self.began = getattr(state, self.measure)
        self.started = self.logged = time.monotonic()
        self.written = 0.0

    def tell(self, state, is_end=False):
        at = time.monotonic()
        if is_end or at - self.written > FILE_SECONDS:
            self.written = at
            self.write(self.now(state, at))
        if is_end or at - self.logged > LOG_SECONDS:
            self.logged = at
            print(line_of(self.now(state, at)), flush=True)

    def now(self, state, at):
        """`share` of what there is, and `seconds_left` at the pace of this attempt; both None while unknown."""
        seconds = at - self.started
        value, total = getattr(state, self.measure), self.total.get(self.measure)
        share = min(1.0, value / total) if total else None
        pace = (value - self.began) / seconds if seconds else 0
        return {
            "items": state.rows if self.measure == "bytes" else state.items,
            "items_total": self.total.get("items"),
            "unit": self.total["unit"],
            "rows": state.rows,
            "mini_batches": state.done,
            "failed_mini_batches": state.failed,
            "failed_items": state.lost,
            "share": share,
            "seconds": round(seconds, 1),
            "seconds_left": round((total - value) / pace, 1) if share is not None and pace else None,
        }

    def write(self, found):
        if self.path:
            with open(self.path + ".new", "w") as file:
                json.dump(found, file)
            os.replace(self.path + ".new", self.path)


def line_of(found):
    share = "" if found["share"] is None else f" ({found['share']:.0%})"
    left = "" if not found["seconds_left"] else f", {found['seconds_left']:.0f} s left"
    failed = f", {found['failed_mini_batches']} failed" if found["failed_mini_batches"] else ""
    told = f"{found['mini_batches']} mini-batches done{failed}{share}, {found['rows']} rows"
    return f"{told}, {found['seconds']:.1f} s{left}"
