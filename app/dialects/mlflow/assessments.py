"""MLflow's calls about what people and programs think of a trace."""

import json
from typing import Any

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow
from app.dialects.mlflow import trace_shapes as shapes
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer
from app.dialects.mlflow.traces import texts_by_key
from app.errors import Invalid
from app.traces import assessments, queries
from app.traces.assessments import KINDS, SOURCES, Draft
from app.traces.permissions import READ, WRITE
from app.web.session import SessionDep

router = APIRouter(prefix="/traces/{trace_id}/assessments")
_CHANGES = ("assessment_name", "feedback", "expectation", "rationale", "metadata")
_ERROR_FIELDS = ("error_code", "error_message", "stack_trace")


@router.post("", dependencies=[allow(WRITE)])
def create(trace_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    draft = draft_of(arguments.object("assessment"))
    trace = queries.get_writable(session, caller, trace_id)
    return answer({"assessment": shapes.assessment(assessments.create(session, trace, draft), trace)})


def draft_of(given: Arguments) -> Draft:
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        raise Invalid(f"assessment: name exactly one of {', '.join(KINDS)}.", target="assessment")
    kind = kinds[0]
    source = given.object("source") if "source" in given else Arguments({})
    held = given.object(kind)
    times = {
        name: shapes.time_of(given.text(field), field)
        for name, field in (("created_ms", "create_time"), ("updated_ms", "last_update_time"))
        if field in given
    }
    return Draft(
        kind=kind,
        name=given.text("assessment_name"),
        value=_value(kind, held),
        span_id=given.optional_text("span_id") or None,
        source_type=source.choice("source_type", list(SOURCES), "SOURCE_TYPE_UNSPECIFIED"),
        source_id=source.optional_text("source_id", "default"),
        error=_error(held),
        rationale=given.optional_text("rationale") if "rationale" in given else None,
        details=texts_by_key(given, "metadata"),
        overrides=given.optional_text("overrides") or None,
        valid=given.flag("valid") if "valid" in given else True,
        **times,
    )


def _value(kind: str, held: Arguments) -> Any:
    if kind == "issue":
        return held.optional_text("issue_name") or None
    if "serialized_value" not in held:
        return held.fields.get("value")
    text = held.object("serialized_value").text("value")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(f"expectation.serialized_value.value is no JSON: {error}.", target="value") from error


def _error(held: Arguments) -> dict[str, str] | None:
    if "error" not in held:
        return None
    error = held.object("error")
    return {name: error.optional_text(name) for name in _ERROR_FIELDS if name in error}


@router.get("/{assessment_id}", dependencies=[allow(READ)])
def get(trace_id: str, assessment_id: str, session: SessionDep, caller: CallerDep) -> Response:
    trace = queries.get(session, caller.workspace.id, trace_id)
    return answer({"assessment": shapes.assessment(assessments.get(trace, assessment_id), trace)})


@router.patch("/{assessment_id}", dependencies=[allow(WRITE)])
def update(
    trace_id: str, assessment_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep
) -> Response:
    trace = queries.get_writable(session, caller, trace_id)
    found = assessments.get(trace, assessment_id)
    assessments.update(session, found, _changes(arguments, found.kind))
    return answer({"assessment": shapes.assessment(found, trace)})


def _changes(arguments: Arguments, kind: str) -> dict[str, Any]:
    """What the mask names; without one, what is there."""
    given = arguments.object("assessment")
    mask = [_snake(path) for path in arguments.optional_text("update_mask").split(",") if path]
    wanted = mask or [name for name in _CHANGES if name in given]
    unknown = [path for path in wanted if path not in _CHANGES]
    if unknown:
        raise Invalid(f"update_mask: {unknown[0]!r} is not one of {', '.join(_CHANGES)}.", target="update_mask")
    other = next((name for name in KINDS if name in wanted and name != kind), None)
    if other:
        raise Invalid(f"Cannot update {other} value on an assessment that is of kind {kind}.", target=other)
    changes: dict[str, Any] = {}
    if "assessment_name" in wanted:
        changes["name"] = given.text("assessment_name")
    if kind in wanted:
        held = given.object(kind)
        changes |= {"value": _value(kind, held), "error": _error(held)}
    if "rationale" in wanted:
        changes["rationale"] = given.optional_text("rationale")
    if "metadata" in wanted:
        changes["details"] = texts_by_key(given, "metadata")
    return changes


def _snake(path: str) -> str:
    """Protobuf's JSON writes the paths of a mask in camel case."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in path.strip())


@router.delete("/{assessment_id}", dependencies=[allow(WRITE)])
def delete(trace_id: str, assessment_id: str, session: SessionDep, caller: CallerDep) -> Response:
    trace = queries.get_writable(session, caller, trace_id)
    assessments.delete(session, trace, assessments.get(trace, assessment_id))
    return answer()
