"""Reads of traces and their spans."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.access.caller import Caller, may_write_run
from app.errors import Forbidden, Invalid, NotFound
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.paging import Page, ordering, paginate
from app.traces.spans import Tokens, total_tokens
from app.traces.tables import Assessment, Span, Trace, TraceRun

STATES = ("OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED")
SORTS = {
    "started": Trace.started_ms,
    "name": Trace.title,
    "status": Trace.state,
    "duration": Trace.duration_ms,
    "tokens": Trace.total_tokens,
    "spans": Trace.span_count,
}
_WHOLE = (
    joinedload(Trace.experiment),
    selectinload(Trace.tags),
    selectinload(Trace.details),
    selectinload(Trace.assessments),
)


@dataclass(frozen=True)
class Filter:
    """What a list of traces is narrowed to. `text` is looked for in names, ids, requests and answers.

    `issue` is the id of one that its traces are said to have.
    """

    text: str = ""
    state: str = ""
    experiment: str = ""
    run: str = ""
    since_ms: int = 0
    issue: str = ""


def find(session: Session, workspace_id: int, name: str) -> Trace | None:
    found = select(Trace).where(Trace.workspace_id == workspace_id, Trace.name == name)
    return session.scalar(found.options(*_WHOLE))


def get(session: Session, workspace_id: int, name: str) -> Trace:
    trace = find(session, workspace_id, name)
    if trace is None:
        raise NotFound(f"Trace with ID {name!r} is not found.", target="trace_id")
    return trace


def get_writable(session: Session, caller: Caller, name: str) -> Trace:
    """A trace that the caller may change: a run's own token reaches the traces of that run only."""
    trace = get(session, caller.workspace.id, name)
    check_writable(session, caller, trace)
    return trace


def check_writable(session: Session, caller: Caller, trace: Trace) -> None:
    if caller.run is not None and not any(may_write_run(session, caller, job) for job in runs_of(session, trace)):
        raise Forbidden(
            f"The token belongs to the run {caller.run}; it may not change the trace {trace.name}.", target="trace_id"
        )


def runs_of(session: Session, trace: Trace) -> Sequence[Job]:
    found = select(Job).join(TraceRun, TraceRun.job_id == Job.id).where(TraceRun.trace_id == trace.id)
    return session.scalars(found.order_by(Job.id)).all()


def by_ids(session: Session, ids: Sequence[int]) -> list[Trace]:
    """Whole traces in the order of the rows' ids."""
    rows: dict[int, Trace] = {}
    for start in range(0, len(ids), 500):
        found = select(Trace).where(Trace.id.in_(ids[start : start + 500])).options(*_WHOLE)
        rows |= {trace.id: trace for trace in session.scalars(found)}
    return [rows[row] for row in ids]


def by_names(session: Session, workspace_id: int, names: Sequence[str]) -> list[Trace]:
    """Those that exist, in the order of the names."""
    found = select(Trace).where(Trace.workspace_id == workspace_id, Trace.name.in_(names)).options(*_WHOLE)
    rows = {trace.name: trace for trace in session.scalars(found)}
    return [rows[name] for name in names if name in rows]


def spans_of(session: Session, traces: Sequence[Trace]) -> dict[int, list[Span]]:
    """The spans of traces by the row id of each, roots first and then by start."""
    found = select(Span).where(Span.trace_id.in_([trace.id for trace in traces]))
    spans: dict[int, list[Span]] = {trace.id: [] for trace in traces}
    for span in session.scalars(found.order_by(Span.parent_id != "", Span.start_ns, Span.span_id)):
        spans[span.trace_id].append(span)
    return spans


def tokens_of(session: Session, trace: Trace) -> Tokens | None:
    """Of the spans that are stored, see `app.traces.spans.total_tokens`."""
    columns = Span.span_id, Span.parent_id, Span.input_tokens, Span.output_tokens, Span.total_tokens
    found = session.execute(select(*columns).where(Span.trace_id == trace.id))
    return total_tokens([(span_id, parent, Tokens(*counts)) for span_id, parent, *counts in found])


def expected_spans(trace: Trace) -> int:
    """How many spans the client said that it sent, 0 where it did not."""
    stated = next((detail.value for detail in trace.details if detail.key == "mlflow.trace.sizeStats"), "{}")
    try:
        return int(json.loads(stated).get("num_spans", 0))
    except (ValueError, TypeError, AttributeError):
        return 0


def page(
    session: Session, workspace_id: int, narrowed: Filter, *, sort: str = "-started", number: int = 1, size: int = 50
) -> Page:
    order = ordering(sort, SORTS).nulls_last()
    found = select(Trace).where(*conditions(workspace_id, narrowed)).order_by(order, Trace.id.desc())
    return paginate(session, found.options(*_WHOLE), number, size)


def conditions(workspace_id: int, narrowed: Filter) -> list[ColumnElement[bool]]:
    """What a trace must be to be in a narrowed list; raises Invalid."""
    found = [Trace.workspace_id == workspace_id]
    if narrowed.text:
        columns = Trace.title, Trace.name, Trace.request_preview, Trace.response_preview
        found.append(or_(*[column.icontains(narrowed.text, autoescape=True) for column in columns]))
    if narrowed.state:
        if narrowed.state not in STATES:
            raise Invalid(f"status: {narrowed.state!r} is not one of {', '.join(STATES)}.", target="status")
        found.append(Trace.state == narrowed.state)
    if narrowed.experiment:
        named = select(Experiment.id).where(Experiment.workspace_id == workspace_id)
        found.append(Trace.experiment_id.in_(named.where(Experiment.name == narrowed.experiment)))
    if narrowed.run:
        linked = select(TraceRun.trace_id).join(Job, Job.id == TraceRun.job_id)
        found.append(Trace.id.in_(linked.where(Job.workspace_id == workspace_id, Job.name == narrowed.run)))
    if narrowed.issue:
        said = select(Assessment.trace_id).where(Assessment.kind == "issue", Assessment.name == narrowed.issue)
        found.append(Trace.id.in_(said))
    if narrowed.since_ms:
        found.append(Trace.started_ms >= narrowed.since_ms)
    return found


def count_of_run(session: Session, job: Job) -> int:
    return session.scalar(select(func.count(TraceRun.trace_id)).where(TraceRun.job_id == job.id))


def experiments(session: Session, workspace_id: int) -> Sequence[str]:
    """Names of the experiments that have traces."""
    having = select(Trace.experiment_id).where(Trace.workspace_id == workspace_id)
    found = select(Experiment.name).where(Experiment.workspace_id == workspace_id, Experiment.id.in_(having))
    return session.scalars(found.order_by(Experiment.name)).all()
