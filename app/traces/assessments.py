"""Feedback on traces and expectations of them, by people, programs and models that judge."""

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.kit.clock import milliseconds, now
from app.traces.spans import clean
from app.traces.tables import Assessment, Trace
from app.tracking import names

KINDS = ("feedback", "expectation", "issue")
SOURCES = ("HUMAN", "LLM_JUDGE", "AI_JUDGE", "CODE", "SOURCE_TYPE_UNSPECIFIED")


@dataclass(frozen=True)
class Draft:
    """An assessment to be made. `value` is any JSON."""

    kind: str
    name: str
    value: Any
    span_id: str | None = None
    source_type: str = "CODE"
    source_id: str = "default"
    error: Mapping[str, str] | None = None
    rationale: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    overrides: str | None = None
    valid: bool = True
    created_ms: int = 0
    updated_ms: int = 0


def get(trace: Trace, assessment_id: str) -> Assessment:
    found = next((one for one in trace.assessments if one.id == assessment_id), None)
    if found is None:
        raise NotFound(
            f"Assessment with ID {assessment_id!r} not found for trace {trace.name!r}.", target="assessment_id"
        )
    return found


def create(session: Session, trace: Trace, draft: Draft, *, id: str = "") -> Assessment:
    """One that overrides another makes that one invalid. Without an id a new one is made."""
    if draft.source_type not in SOURCES:
        raise Invalid(
            f"source.source_type: {draft.source_type!r} is not one of {', '.join(SOURCES)}.", target="source_type"
        )
    if draft.overrides:
        get(trace, draft.overrides).valid = False
    at = milliseconds(now())
    made = Assessment(
        id=id or "a-" + secrets.token_hex(16),
        trace_id=trace.id,
        kind=draft.kind,
        name=_checked_name(draft.name),
        span_id=draft.span_id,
        source_type=draft.source_type,
        source_id=clean(draft.source_id),
        error=_cleaned(draft.error) if draft.error else None,
        rationale=clean(draft.rationale) if draft.rationale is not None else None,
        details=_cleaned(draft.details),
        overrides=draft.overrides,
        valid=draft.valid,
        created_ms=draft.created_ms or at,
        updated_ms=draft.updated_ms or at,
    )
    _set_value(made, draft.value)
    session.add(made)
    session.flush()
    session.expire(trace, ["assessments"])
    return made


def update(session: Session, assessment: Assessment, changes: Mapping[str, Any]) -> None:
    """`changes` holds any of name, value, error, rationale and details; details are added to those that are there."""
    if "name" in changes:
        assessment.name = _checked_name(changes["name"])
    if "value" in changes:
        _set_value(assessment, changes["value"])
        assessment.error = _cleaned(changes["error"]) if changes.get("error") else None
    if "rationale" in changes:
        assessment.rationale = clean(changes["rationale"])
    if "details" in changes:
        assessment.details = {**assessment.details, **_cleaned(changes["details"])}
    assessment.updated_ms = milliseconds(now())
    session.flush()


def delete(session: Session, trace: Trace, assessment: Assessment) -> None:
    """What it overrode is valid again."""
    overridden = next((one for one in trace.assessments if one.id == assessment.overrides), None)
    if overridden is not None:
        overridden.valid = True
    session.delete(assessment)
    session.flush()
    session.expire(trace, ["assessments"])


def _checked_name(name: str) -> str:
    if not name or len(name) > names.LONGEST_KEY:
        raise Invalid(
            f"assessment_name: it must have 1 to {names.LONGEST_KEY} characters, not {len(name)}.",
            target="assessment_name",
        )
    return clean(name)


def _cleaned(pairs: Mapping[str, str]) -> dict[str, str]:
    return {clean(key): clean(value) for key, value in pairs.items()}


def _set_value(assessment: Assessment, value: Any) -> None:
    try:
        assessment.value = clean(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise Invalid("value: JSON has no NaN or Infinity; send it as a text.", target="value") from error
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    assessment.number = float(value) if is_number and math.isfinite(value) else None
