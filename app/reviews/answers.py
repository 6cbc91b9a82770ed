"""What a reviewer answered to the questions of a queue, which is kept as assessments of the trace."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.reviews.tables import LabelSchema
from app.traces import assessments
from app.traces.tables import Assessment, Trace

Given = Mapping[str, tuple[list[str], str]]
"""By the id of a question: what was filled in, and the comment on it."""


def of_reviewer(trace: Trace, reviewer: str, questions: Sequence[LabelSchema]) -> dict[str, tuple[Any, str]]:
    """Value and comment of each question that somebody answered already, by the question's id."""
    found = {}
    for question in questions:
        answered = _find(trace, reviewer, question)
        if answered is not None:
            found[question.id] = json.loads(answered.value), answered.rationale or ""
    return found


def save(session: Session, trace: Trace, reviewer: str, questions: Sequence[LabelSchema], given: Given) -> None:
    """Make, change or delete the reviewer's assessments; raises Invalid that names the question, and writes nothing."""
    read = [(question, *given.get(question.id, ([], ""))) for question in questions]
    values = [(question, value_of(question, filled), comment) for question, filled, comment in read]
    for question, value, comment in values:
        before = _find(trace, reviewer, question)
        if value is None and before is not None:
            assessments.delete(session, trace, before)
        elif value is not None and before is not None:
            if (json.loads(before.value), before.rationale or "") != (value, comment):
                assessments.update(session, before, {"value": value, "rationale": comment})
        elif value is not None:
            draft = assessments.Draft(
                question.type, question.name, value, source_type="HUMAN", source_id=reviewer, rationale=comment or None
            )
            assessments.create(session, trace, draft)


def _find(trace: Trace, reviewer: str, question: LabelSchema) -> Assessment | None:
    own = {"kind": question.type, "name": question.name, "source_type": "HUMAN", "source_id": reviewer, "valid": True}
    return next(
        (
            one
            for one in trace.assessments
            if one.span_id is None and all(getattr(one, key) == value for key, value in own.items())
        ),
        None,
    )


def value_of(question: LabelSchema, filled: Sequence[str]) -> Any:
    """The value of an assessment, None for no answer; raises Invalid whose target is the question's id."""
    texts = [text.strip() for text in filled if text.strip()]
    if not texts:
        return None
    match question.input_type:
        case "pass_fail":
            return _choice(question, texts[0], ["true", "false"]) == "true"
        case "categorical":
            chosen = [_choice(question, text, question.input["options"]) for text in texts]
            return chosen if question.input.get("multi_select") else chosen[0]
        case "numeric":
            return _number(question, texts[0])
    longest = question.input.get("max_length")
    if longest and len(texts[0]) > longest:
        raise Invalid(f"It may have {longest:,} characters; these are {len(texts[0]):,}.", target=question.id)
    return texts[0]


def _choice(question: LabelSchema, text: str, options: Sequence[str]) -> str:
    if text not in options:
        raise Invalid(f"{text!r} is not one of {', '.join(options)}.", target=question.id)
    return text


def _number(question: LabelSchema, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    least, most = question.input.get("min_value"), question.input.get("max_value")
    too_small, too_large = least is not None and value < least, most is not None and value > most
    if not math.isfinite(value) or too_small or too_large:
        ends = [
            f"of at least {least:g}" if least is not None else "",
            f"of at most {most:g}" if most is not None else "",
        ]
        wanted = " and ".join(end for end in ends if end)
        raise Invalid(f"{text!r} is not a number {wanted}".rstrip() + ".", target=question.id)
    return int(value) if value.is_integer() else value
