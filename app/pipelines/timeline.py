"""Where the time of a pipeline went: the phases of its steps, and the chain of steps that made it as long as it was."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.tables import Job
from app.pipelines.schemas import Edge, Graph, Node

PHASES = ("Queued", "Preparing", "Running", "Finalizing")


@dataclass(frozen=True)
class Span:
    """A phase that took time, in seconds from the start of the pipeline."""

    phase: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


@dataclass(frozen=True)
class Bar:
    """`is_critical`: had this step been shorter, the pipeline might have been too. `waited` for steps before it."""

    step: Node
    spans: list[Span]
    is_critical: bool

    @property
    def begin(self) -> float:
        return self.spans[0].begin if self.spans else 0.0

    @property
    def end(self) -> float:
        return self.spans[-1].end if self.spans else 0.0

    def seconds(self, phase: str) -> float:
        return sum(span.seconds for span in self.spans if span.phase == phase)


@dataclass(frozen=True)
class Timeline:
    """`bars` by their beginning; `unstarted` steps have no times yet. `seconds` is what the whole axis stands for."""

    seconds: float
    bars: list[Bar]
    unstarted: list[Node]

    @property
    def totals(self) -> dict[str, float]:
        """Seconds of each phase over all steps; steps that ran at once count each."""
        return {phase: sum(bar.seconds(phase) for bar in self.bars) for phase in PHASES}

    @property
    def critical_seconds(self) -> float:
        return sum(bar.end - bar.begin for bar in self.bars if bar.is_critical)


def timeline(session: Session, pipeline: Job, graph: Graph, at: datetime) -> Timeline:
    """`at` ends the phases that still go on."""
    columns = (Job.created_at, Job.queued_at, Job.preparing_at, Job.started_at, Job.finalizing_at, Job.ended_at)
    names = [node.job for node in graph.nodes if node.job]
    found = select(Job.name, *columns).where(Job.workspace_id == pipeline.workspace_id, Job.name.in_(names))
    times = {name: moments for name, *moments in session.execute(found)}
    origin = min([pipeline.started_at or pipeline.created_at, *(moments[0] for moments in times.values())])
    spans = {node.id: spans_of(*times[node.job], origin=origin, at=at) for node in graph.nodes if node.job in times}
    critical = critical_path({name: (kept[0].begin, kept[-1].end) for name, kept in spans.items() if kept}, graph.edges)
    bars = [Bar(node, spans[node.id], node.id in critical) for node in graph.nodes if node.id in spans]
    end = ((pipeline.ended_at or at) - origin).total_seconds()
    seconds = max([end, 0.001, *(bar.end for bar in bars)])
    return Timeline(seconds, sorted(bars, key=lambda bar: bar.begin), [n for n in graph.nodes if n.id not in spans])


def spans_of(
    created: datetime,
    queued: datetime | None,
    preparing: datetime | None,
    started: datetime | None,
    finalizing: datetime | None,
    ended: datetime | None,
    *,
    origin: datetime,
    at: datetime,
) -> list[Span]:
    """Each phase from its beginning to that of the next.

    A retry notes its queueing and preparation anew while the start stays the first, so no phase begins later than one
    that follows it.
    """
    marks = dict(zip(PHASES, (queued or created, preparing, started, finalizing), strict=True))
    spans, follows = [], ended or at
    for phase in reversed(PHASES):
        begin = marks[phase]
        if begin is None:
            continue
        begin = min(begin, follows)
        spans.insert(0, Span(phase, (begin - origin).total_seconds(), (follows - origin).total_seconds()))
        follows = begin
    return [span for span in spans if span.seconds > 0] or spans[:1]


def critical_path(times: dict[str, tuple[float, float]], edges: Iterable[Edge]) -> set[str]:
    """From the step that ended last, back through the step before each that ended last."""
    before: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        before[edge.target].append(edge.source)
    path: set[str] = set()
    step = _last(list(times), times)
    while step and step not in path:
        path.add(step)
        step = _last([name for name in before[step] if name in times], times)
    return path


def _last(names: Sequence[str], times: dict[str, tuple[float, float]]) -> str | None:
    return max(names, key=lambda name: times[name][1], default=None)


def ticks(seconds: float) -> list[float]:
    """Moments to write on the axis: multiples of a length that people count in, five to ten of them."""
    lengths = [base * power for power in (0.001, 0.01, 0.1, 1) for base in (1, 2, 5)]
    lengths += [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200]
    lengths += [86400 * days for days in (1, 2, 7, 14, 28, 91, 365)]
    length = next((length for length in lengths if seconds / length <= 8), lengths[-1])
    return [index * length for index in range(int(seconds / length) + 1)]
