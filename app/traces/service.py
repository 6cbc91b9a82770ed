"""Writes traces: what their client says of them, tags, links to runs, and their end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import Invalid, NotFound
from app.experiments import service as experiments
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.outbox import hint
from app.kit.storage import store
from app.traces import places, queries
from app.traces.spans import clean
from app.traces.tables import Trace, TraceMetadata, TraceRun, TraceTag
from app.tracking import names, runs

NAME, SOURCE_RUN, USAGE = "mlflow.traceName", "mlflow.sourceRun", "mlflow.trace.tokenUsage"
PROMPTS = "mlflow.linkedPrompts"
GIVEN = ("mlflow.artifactLocation", "mlflow.trace.spansLocation")
"""Tags that the server states itself, see `app.dialects.mlflow.traces`."""
_COUNTED = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_creation_tokens": "cache_creation_input_tokens",
}
"""The columns of a trace, and what MLflow calls them in the usage that it writes."""

MOST_LINKED = 100
LONGEST_ID = 200


@dataclass(frozen=True)
class Draft:
    """A trace as its client describes it at its end."""

    name: str
    state: str
    started_ms: int
    duration_ms: int | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)


def channel(workspace_id: int) -> str:
    """Where hints come that traces of a workspace came, changed or went."""
    return f"traces:{workspace_id}"


def insert(session: Session, table: type):
    """INSERT that can say what to do when the row is there."""
    dialect = {"sqlite": sqlite, "postgresql": postgresql}[session.connection().dialect.name]
    return dialect.insert(table.__table__)


def start(session: Session, caller: Caller, experiment: Experiment, draft: Draft) -> Trace:
    """Write down a trace, whether or not spans of it came before."""
    trace = ensure(session, caller, experiment, {draft.name: draft.started_ms})[draft.name]
    trace.state, trace.started_ms, trace.duration_ms = draft.state, draft.started_ms, draft.duration_ms
    for name in ("client_request_id", "request_preview", "response_preview"):
        given = getattr(draft, name)
        if given is not None:
            setattr(trace, name, clean(given))
    trace.is_complete = True
    _write_tags(session, trace, draft.tags)
    write_details(session, trace, draft.details)
    session.flush()
    session.expire(trace, ["tags", "details", "assessments"])
    return trace


def ensure(session: Session, caller: Caller, experiment: Experiment, started: Mapping[str, int]) -> dict[str, Trace]:
    """The traces of these names, made where they are not there, locked and checked; `started` in milliseconds."""
    for name in started:
        check_name(name)
    workspace_id = caller.workspace.id
    wanted = select(Trace).where(Trace.workspace_id == workspace_id, Trace.name.in_(started)).order_by(Trace.name)
    known = set(session.scalars(wanted.with_only_columns(Trace.name)))
    new = [name for name in sorted(started) if name not in known]
    if new:
        experiments.check_active(experiment)
        owned = {"workspace_id": workspace_id, "experiment_id": experiment.id, "created_by": caller.user.name}
        initial = {"state": "IN_PROGRESS", "span_count": 0, "is_complete": False}
        rows = [owned | initial | {"name": name, "started_ms": started[name]} for name in new]
        session.execute(insert(session, Trace).on_conflict_do_nothing(), rows)
    traces = {trace.name: trace for trace in session.scalars(wanted.with_for_update())}
    if caller.run is not None:
        own = runs.get_writable(session, caller, caller.run)
        link(session, [traces[name] for name in new], own)
    for name in known:
        queries.check_writable(session, caller, traces[name])
    hint(session, channel(workspace_id), "traces")
    return traces


def check_name(name: str) -> None:
    if not name or len(name) > LONGEST_ID or "/" in name:
        raise Invalid(f"trace_id: {name[:50]!r} is not an id such as tr-0123456789abcdef.", target="trace_id")


def link(session: Session, traces: Sequence[Trace], job: Job) -> None:
    if traces:
        rows = [{"trace_id": trace.id, "job_id": job.id} for trace in traces]
        session.execute(insert(session, TraceRun).on_conflict_do_nothing(), rows)


def link_to_run(session: Session, caller: Caller, trace_names: Sequence[str], run_id: str) -> None:
    if not trace_names or len(trace_names) > MOST_LINKED:
        raise Invalid(f"trace_ids: name 1 to {MOST_LINKED} traces, not {len(trace_names)}.", target="trace_ids")
    job = runs.get_writable(session, caller, run_id)
    found = queries.by_names(session, caller.workspace.id, trace_names)
    missing = set(trace_names) - {trace.name for trace in found}
    if missing:
        raise NotFound(f"Trace with ID {min(missing)!r} is not found.", target="trace_ids")
    for trace in found:
        queries.check_writable(session, caller, trace)
    link(session, found, job)


def link_prompts(session: Session, trace: Trace, prompts: Sequence[tuple[str, str]]) -> None:
    """Name the versions of prompts that a trace used, in the tag that MLflow reads."""
    held = next((tag.value for tag in trace.tags if tag.key == PROMPTS), "[]")
    try:
        linked = json.loads(held)
    except ValueError:
        linked = []
    new = [{"name": name, "version": version} for name, version in prompts]
    linked += [prompt for prompt in new if prompt not in linked]
    set_tag(session, trace, PROMPTS, json.dumps(linked, ensure_ascii=False))


def set_tag(session: Session, trace: Trace, key: str, value: str) -> None:
    names.check_key(key, "tag")
    _write_tags(session, trace, {key: names.check_value(key, value, "tag", names.LONGEST_TAG)})
    session.flush()
    session.expire(trace, ["tags"])


def delete_tag(session: Session, trace: Trace, key: str) -> None:
    if key == NAME and trace.title is not None:
        trace.title = None
    elif not session.execute(delete_rows(TraceTag).where(TraceTag.trace_id == trace.id, TraceTag.key == key)).rowcount:
        raise NotFound(f"No trace tag with key {key!r} for trace with ID {trace.name!r}.", target="key")
    session.expire(trace, ["tags"])


def _write_tags(session: Session, trace: Trace, tags: Mapping[str, str]) -> None:
    if NAME in tags:
        trace.title = clean(tags[NAME])[: names.LONGEST_TAG]
    kept = {key: value for key, value in tags.items() if key != NAME and key not in GIVEN}
    _upsert(session, TraceTag, trace, kept)


def write_details(session: Session, trace: Trace, details: Mapping[str, str]) -> None:
    """MLflow's trace metadata, with what follows from it: the run that the trace belongs to, and its tokens."""
    _upsert(session, TraceMetadata, trace, details)
    run = details.get(SOURCE_RUN)
    job = runs.find(session, trace.workspace_id, run) if run else None
    if job is not None:
        link(session, [trace], job)
        if job.files_experiment_id == trace.experiment_id:
            # The client does not know that its run was moved, and writes files where it saw it last.
            trace.files_experiment_id, trace.files_location = trace.experiment_id, trace.experiment.artifact_location
            trace.experiment = job.experiment
    try:
        usage = json.loads(details.get(USAGE, "{}"))
    except ValueError:
        return
    for column, key in _COUNTED.items() if isinstance(usage, dict) else ():
        count = usage.get(key)
        if type(count) is int and 0 <= count <= names.LARGEST_INTEGER:
            setattr(trace, column, count)


def _upsert(session: Session, table: type, trace: Trace, pairs: Mapping[str, str]) -> None:
    rows = [
        {"trace_id": trace.id, "key": clean(key)[: names.LONGEST_KEY], "value": clean(value)[: names.LONGEST_TAG]}
        for key, value in sorted(pairs.items())
    ]
    if rows:
        statement = insert(session, table)
        changed = {"value": statement.excluded.value}
        session.execute(statement.on_conflict_do_update(index_elements=["trace_id", "key"], set_=changed), rows)


def delete(session: Session, traces: Sequence[Trace]) -> int:
    """Delete traces with all that hangs on them; returns how many."""
    for trace in traces:
        store().delete(places.folder_key(trace))
        hint(session, channel(trace.workspace_id), "traces")
    session.execute(delete_rows(Trace).where(Trace.id.in_([trace.id for trace in traces])))
    return len(traces)


def delete_many(
    session: Session,
    caller: Caller,
    experiment: Experiment,
    *,
    names: Sequence[str] = (),
    until_ms: int | None = None,
    most: int | None = None,
) -> int:
    """Delete the traces of these names, or those that started until a time, the oldest first."""
    if (until_ms is None) == (not names):
        raise Invalid("Name either request_ids or max_timestamp_millis, and not both.", target="request_ids")
    if most is not None and (names or most <= 0):
        raise Invalid("max_traces is a positive number, and only goes with max_timestamp_millis.", target="max_traces")
    found = select(Trace).where(Trace.experiment_id == experiment.id).order_by(Trace.started_ms, Trace.name)
    found = found.where(Trace.name.in_(names)) if names else found.where(Trace.started_ms <= until_ms)
    traces = session.scalars(found.limit(most)).all()
    for trace in traces:
        queries.check_writable(session, caller, trace)
    return delete(session, traces)
