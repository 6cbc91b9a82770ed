"""Takes in traces as they were elsewhere: their spans, assessments, and the runs that they belong to."""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.dialects.mlflow.arguments import Arguments
from app.dialects.mlflow.assessments import draft_of as assessment_of
from app.dialects.mlflow.traces import draft_of
from app.errors import Conflict, Invalid
from app.experiments import queries as experiments
from app.jobs.tables import Job
from app.traces import assessments, ingest, otlp, queries, service
from app.traces.service import Draft
from app.traces.spans import SpanRecord
from app.traces.tables import Assessment, Span, Trace, TraceTag
from app.transfer.records import PART, Outcome, TracePart, part_of, stand_in

MOST_RUNS = 1000


def trace(session: Session, caller: Caller, given: Arguments) -> Outcome:
    """A trace, or what was lacking of one: spans, tags, metadata, assessments and links to runs.

    Raises Conflict where the trace of that id is another one, which started at another time.
    """
    info = given.object("trace_info")
    draft = draft_of(info)
    part = part_of(given, TracePart) or TracePart()
    found = queries.find(session, caller.workspace.id, draft.name)
    created = found is None
    if found is None:
        found = _create(session, caller, info, draft, part)
    elif found.started_ms != draft.started_ms:
        raise Conflict(
            f"A trace {draft.name} is here already, and it is another one: it started at another time. "
            "It was left as it is.",
            target="trace_id",
        )
    _add_spans(session, caller, found, given)
    if created:
        service.start(session, caller, found.experiment, draft)
        if PART in given:
            _state_exactly(session, found, draft, part)
    else:
        _add_pairs(session, found, draft)
    _assess(session, found, info.objects("assessments"))
    return Outcome(draft.name, created, _link_runs(session, found, given.texts("runs")))


def _create(session: Session, caller: Caller, info: Arguments, draft: Draft, part: TracePart) -> Trace:
    place = info.object("trace_location").object("mlflow_experiment")
    experiment = experiments.get(session, caller.workspace.id, place.text("experiment_id"))
    service.check_name(draft.name)
    made = Trace(
        workspace_id=caller.workspace.id,
        experiment_id=experiment.id,
        name=draft.name,
        started_ms=draft.started_ms,
        created_by=part.created_by or draft.details.get("mlflow.user") or caller.user.name,
    )
    made.experiment = experiment
    session.add(made)
    session.flush()
    return made


def _add_spans(session: Session, caller: Caller, trace: Trace, given: Arguments) -> None:
    known = set(session.scalars(select(Span.span_id).where(Span.trace_id == trace.id)))
    records = [_span(item, trace.name, index) for index, item in enumerate(given.objects("spans"))]
    new = [record for record in records if record.span_id not in known]
    if new:
        ingest.log_spans(session, caller, trace.experiment, new)


def _span(item: Arguments, trace: str, index: int) -> SpanRecord:
    # The trace's own id stands over what the span says, which not every store writes alike.
    try:
        fields = _camel(_decoded(item.fields)) | {"traceId": trace.removeprefix("tr-")}
        return replace(otlp.read_span(fields, fields.get("resource") or {}, index), trace=trace)
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise Invalid(f"spans[{index}] is no span of OpenTelemetry: {error}.", target="spans") from error


def _decoded(span: dict[str, Any]) -> dict[str, Any]:
    """MLflow writes what a span's attributes hold as JSON text; those of events and links are plain."""
    attributes = span.get("attributes")
    if not isinstance(attributes, dict):
        return span
    return span | {"attributes": {key: _json(value) for key, value in attributes.items()}}


def _json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _camel(value: Any) -> Any:
    """Protobuf's JSON with the names that OpenTelemetry writes; every key of an object is such a name."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _camel_name(key): _pairs(item) if key == "attributes" and isinstance(item, dict) else _camel(item)
        for key, item in value.items()
    }


def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _pairs(attributes: dict) -> list[dict]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> dict:
    """OpenTelemetry's AnyValue."""
    match value:
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": value}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": _pairs(value)}}
    return {}


def _state_exactly(session: Session, trace: Trace, draft: Draft, part: TracePart) -> None:
    """Undo what was made to follow from the spans, where the record says otherwise."""
    trace.is_complete = part.is_complete
    trace.title = draft.tags.get(service.NAME)
    trace.request_preview, trace.response_preview = draft.request_preview, draft.response_preview
    session.execute(delete(TraceTag).where(TraceTag.trace_id == trace.id, TraceTag.key.not_in(draft.tags)))
    session.flush()
    session.expire(trace, ["tags"])


def _add_pairs(session: Session, trace: Trace, draft: Draft) -> None:
    tags = {tag.key for tag in trace.tags} | {service.NAME, *service.GIVEN}
    for key in draft.tags.keys() - tags:
        service.set_tag(session, trace, key, draft.tags[key])
    details = {detail.key for detail in trace.details}
    service.write_details(session, trace, {key: text for key, text in draft.details.items() if key not in details})


def _assess(session: Session, trace: Trace, given: list[Arguments]) -> None:
    own = {item.text("assessment_id"): stand_in(item.text("assessment_id"), trace.id) for item in given}
    named = Assessment.id.in_([*own, *own.values()])
    owners = dict(session.execute(select(Assessment.id, Assessment.trace_id).where(named)).all())
    ids = {id: id if owners.get(id, trace.id) == trace.id else other for id, other in own.items()}
    for item in given:
        id = ids[item.text("assessment_id")]
        if id not in owners:
            # The one that it overrides may come later, or be gone; whether each is valid is said of each.
            draft = assessment_of(item)
            made = assessments.create(session, trace, replace(draft, overrides=None), id=id)
            made.overrides = ids.get(draft.overrides, draft.overrides)


def _link_runs(session: Session, trace: Trace, named: list[str]) -> list[str]:
    if len(named) > MOST_RUNS:
        raise Invalid(f"runs: a trace belongs to at most {MOST_RUNS} runs, not {len(named)}.", target="runs")
    jobs = session.scalars(select(Job).where(Job.workspace_id == trace.workspace_id, Job.name.in_(named))).all()
    for job in jobs:
        service.link(session, [trace], job)
    lacking = set(named) - {job.name for job in jobs}
    return [f"The run {name} of the trace {trace.name} is not here." for name in sorted(lacking)]
