"""Label schemas: what reviewers are asked about the traces of an experiment.

The rules are MLflow's (mlflow/genai/label_schemas/validation.py).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AlreadyExists, Invalid, NotFound
from app.experiments.service import check_active
from app.experiments.tables import Experiment
from app.kit.clock import milliseconds, now
from app.reviews.tables import LabelSchema, ReviewQueue, ReviewQueueSchema
from app.traces.service import insert
from app.traces.spans import clean

TYPES = ("feedback", "expectation")
DEFAULT = "Feedback"
"""The name of the question that each experiment has from the start."""

LONGEST_NAME, LONGEST_INSTRUCTION, LONGEST_LABEL, MOST_OPTIONS = 250, 1000, 64, 10


@dataclass(frozen=True)
class Draft:
    """`input_type` is pass_fail, categorical, numeric or text, and `input` its settings as in MLflow's JSON."""

    name: str
    type: str
    input_type: str
    input: dict[str, Any]
    instruction: str | None = None
    enable_comment: bool = False


def get(session: Session, workspace_id: int, schema_id: str) -> LabelSchema:
    schema = find(session, workspace_id, schema_id)
    if schema is None:
        raise NotFound(f"Label schema with id {schema_id!r} not found.", target="schema_id")
    return schema


def find(session: Session, workspace_id: int, schema_id: str) -> LabelSchema | None:
    found = select(LabelSchema).join(Experiment).where(Experiment.workspace_id == workspace_id)
    return session.scalar(found.where(LabelSchema.id == schema_id))


def get_by_name(session: Session, experiment: Experiment, name: str) -> LabelSchema:
    found = select(LabelSchema).where(LabelSchema.experiment_id == experiment.id, LabelSchema.name == name)
    schema = session.scalar(found)
    if schema is None:
        raise NotFound(f"Label schema with name {name!r} not found for experiment {experiment.id}.", target="name")
    return schema


def page(session: Session, experiment: Experiment, offset: int, count: int) -> Sequence[LabelSchema]:
    """The newest first."""
    found = select(LabelSchema).where(LabelSchema.experiment_id == experiment.id)
    found = found.order_by(LabelSchema.created_ms.desc(), LabelSchema.id)
    return session.scalars(found.offset(offset).limit(count)).all()


def of_queue(session: Session, queue: ReviewQueue) -> Sequence[LabelSchema]:
    """What a queue asks, the oldest question first: those that it names, or of a person's queue all."""
    found = select(LabelSchema).where(LabelSchema.experiment_id == queue.experiment_id)
    if queue.type == "custom":
        chosen = select(ReviewQueueSchema.schema_id).where(ReviewQueueSchema.queue_id == queue.id)
        found = found.where(LabelSchema.id.in_(chosen))
    return session.scalars(found.order_by(LabelSchema.created_ms, LabelSchema.id)).all()


def has_default(session: Session, experiment: Experiment) -> bool:
    there = select(LabelSchema.id).where(LabelSchema.experiment_id == experiment.id, LabelSchema.is_default)
    return session.scalar(there) is not None


def ensure_default(session: Session, experiment: Experiment) -> None:
    """Write down the question that an experiment always has, unless it is there."""
    if not has_default(session, experiment):
        draft = Draft(DEFAULT, "feedback", "text", {}, "Share any feedback on this trace.")
        _insert(session, experiment, draft, None, is_default=True)


def create(session: Session, experiment: Experiment, draft: Draft, created_by: str) -> LabelSchema:
    check_active(experiment)
    _check_name(draft.name)
    if draft.type not in TYPES:
        raise Invalid(f"Label schema `type` must be one of {', '.join(TYPES)}; got {draft.type!r}.", target="type")
    _check_instruction(draft.instruction)
    check_input(draft.input_type, draft.input)
    if not _insert(session, experiment, draft, created_by):
        raise _taken(draft.name, experiment.id)
    return get_by_name(session, experiment, draft.name)


def _insert(
    session: Session, experiment: Experiment, draft: Draft, created_by: str | None, is_default: bool = False
) -> bool:
    at = milliseconds(now())
    row = {"id": f"ls-{secrets.token_hex(16)}", "experiment_id": experiment.id, "is_default": is_default}
    row |= {
        "name": clean(draft.name),
        "type": draft.type,
        "instruction": draft.instruction and clean(draft.instruction),
    }
    row |= {"input_type": draft.input_type, "input": draft.input, "enable_comment": draft.enable_comment}
    row |= {"created_by": created_by, "created_ms": at, "updated_ms": at}
    made = insert(session, LabelSchema).values(row).on_conflict_do_nothing().returning(LabelSchema.id)
    return session.scalar(made) is not None


def _taken(name: str, experiment_id: int) -> AlreadyExists:
    return AlreadyExists(
        f"Label schema with name {name!r} already exists for experiment {experiment_id}.", target="name"
    )


def update(session: Session, schema: LabelSchema, changes: dict[str, Any]) -> None:
    """`changes` holds any of name, instruction, enable_comment, and input_type with input."""
    if schema.is_default:
        raise Invalid("The experiment's default question cannot be edited.", target="schema_id")
    if "name" in changes and changes["name"] != schema.name:
        _check_name(changes["name"])
        taken = select(LabelSchema.id).where(
            LabelSchema.experiment_id == schema.experiment_id, LabelSchema.name == changes["name"]
        )
        if session.scalar(taken):
            raise _taken(changes["name"], schema.experiment_id)
    _check_instruction(changes.get("instruction"))
    if "input" in changes:
        check_input(changes["input_type"], changes["input"])
        _check_same(schema, changes["input_type"], changes["input"])
    for name, value in changes.items():
        setattr(schema, name, clean(value) if isinstance(value, str) else value)
    schema.updated_ms = milliseconds(now())
    session.flush()


def _check_same(schema: LabelSchema, input_type: str, settings: dict[str, Any]) -> None:
    """What would make the answers that are there unreadable cannot be changed."""
    if input_type != schema.input_type:
        raise Invalid(
            "A label schema's input type cannot be changed after creation "
            f"(existing: {schema.input_type}, got: {input_type}).",
            target="input",
        )
    if settings.get("multi_select") != schema.input.get("multi_select"):
        raise Invalid("`categorical.multi_select` cannot be changed after creation.", target="input")


def delete(session: Session, schema: LabelSchema) -> None:
    """What was answered stays."""
    if schema.is_default:
        raise Invalid("The experiment's default question cannot be deleted.", target="schema_id")
    session.delete(schema)
    session.flush()


def _check_name(name: str) -> None:
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(f"Label schema `name` must have 1 to {LONGEST_NAME} characters; got {len(name)}.", target="name")
    if name.strip().lower() == DEFAULT.lower():
        raise Invalid(
            f"`{name}` is reserved for the experiment's default question and cannot be used for another label schema.",
            target="name",
        )


def _check_instruction(instruction: str | None) -> None:
    if instruction is not None and len(instruction) > LONGEST_INSTRUCTION:
        raise Invalid(
            f"Label schema `instruction` must be at most {LONGEST_INSTRUCTION} characters; got {len(instruction)}.",
            target="instruction",
        )


def check_input(input_type: str, settings: dict[str, Any]) -> None:
    """Raises Invalid for settings that an answer could not be given by."""
    match input_type:
        case "pass_fail":
            positive, negative = settings["positive_label"], settings["negative_label"]
            _check_labels("pass_fail labels", [positive, negative])
        case "categorical":
            options = settings["options"]
            if not 0 < len(options) <= MOST_OPTIONS:
                raise Invalid(
                    f"`categorical.options` must have 1 to {MOST_OPTIONS} entries; got {len(options)}.", target="input"
                )
            _check_labels("categorical.options", options)
        case "numeric":
            least, most = settings.get("min_value"), settings.get("max_value")
            if least is not None and most is not None and least >= most:
                raise Invalid(
                    f"`numeric.min_value` must be strictly less than `max_value`; got min={least}, max={most}.",
                    target="input",
                )
        case "text":
            longest = settings.get("max_length")
            if longest is not None and longest < 1:
                raise Invalid(f"`text.max_length` must be at least 1; got {longest}.", target="input")


def _check_labels(what: str, labels: Sequence[str]) -> None:
    for label in labels:
        if not 0 < len(label) <= LONGEST_LABEL:
            raise Invalid(f"`{what}` must each have 1 to {LONGEST_LABEL} characters; got {label!r}.", target="input")
    if len(set(labels)) < len(labels):
        raise Invalid(f"`{what}` must be distinct; got {', '.join(map(repr, labels))}.", target="input")
