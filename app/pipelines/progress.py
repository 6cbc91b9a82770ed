"""What a pipeline does next, from the states of its steps alone. Pure: knows nothing of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from app.jobs.lifecycle import Status

_LOST = {Status.FAILED: "failed", Status.CANCELED: "was canceled"}


@dataclass
class Progress:
    """`ready` may start now; `waiting` says what each of the others waits for, `skipped` why a step never starts."""

    ready: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return not (self.ready or self.running or self.waiting)


def progress(
    upstream: Mapping[str, Sequence[str]],
    statuses: Mapping[str, Status],
    unwanted: Mapping[str, str] = {},
    *,
    continues: bool,
    is_ending: bool = False,
) -> Progress:
    """`upstream` are the steps that each step waits for, `statuses` those of the steps that were started, and
    `unwanted` says of steps that are not to be run why.

    With `continues`, what does not depend on a failed step goes on. Nothing starts in a pipeline that `is_ending`.
    """
    found = Progress()
    found.running = [name for name, status in statuses.items() if not status.is_final]
    found.lost = [name for name, status in statuses.items() if status in _LOST]
    stops = "The pipeline was canceled." if is_ending else None
    if found.lost and not continues:
        stops = (
            f"Step {found.lost[0]!r} {_LOST[statuses[found.lost[0]]]}, and the pipeline does not continue on failure."
        )
    for name in TopologicalSorter(upstream).static_order():
        if name in unwanted:
            found.skipped[name] = unwanted[name]
        elif name not in statuses:
            _judge(found, name, upstream[name], statuses, stops)
    return found


def _judge(found: Progress, name: str, above: Sequence[str], statuses: Mapping[str, Status], stops: str | None) -> None:
    for other in above:
        if other in found.skipped:
            found.skipped[name] = f"It needs step {other!r}, which was skipped."
            return
        if statuses.get(other) in _LOST:
            found.skipped[name] = f"It needs step {other!r}, which {_LOST[statuses[other]]}."
            return
    open_ones = [other for other in above if statuses.get(other) is not Status.COMPLETED]
    if stops:
        found.skipped[name] = stops
    elif open_ones:
        found.waiting[name] = "It waits for " + ", ".join(repr(other) for other in open_ones) + "."
    else:
        found.ready.append(name)
