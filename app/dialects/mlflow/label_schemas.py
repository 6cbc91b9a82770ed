"""MLflow's calls about what reviewers are asked."""

from typing import Any

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.database import reading, transaction
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.errors import Invalid
from app.experiments import queries as experiments
from app.reviews import questions
from app.reviews.permissions import DELETE, READ, WRITE
from app.reviews.questions import Draft
from app.reviews.tables import LabelSchema
from app.web.session import SessionDep

router = APIRouter(prefix="/label-schemas")
MOST_LISTED = 50_000
TYPES = {"FEEDBACK": "feedback", "EXPECTATION": "expectation", "1": "feedback", "2": "expectation"}
INPUTS = ("pass_fail", "categorical", "numeric", "text")


def shown(schema: LabelSchema) -> dict[str, Any]:
    same = ("name", "enable_comment", "is_default")
    optional = {"instruction": schema.instruction, "created_by": schema.created_by}
    return {
        "schema_id": schema.id,
        "experiment_id": str(schema.experiment_id),
        "type": schema.type.upper(),
        "input": {schema.input_type: schema.input},
        "created_at": schema.created_ms,
        "last_updated_at": schema.updated_ms,
        **{name: getattr(schema, name) for name in same},
        **{name: value for name, value in optional.items() if value is not None},
    }


def _input(given: Arguments) -> dict[str, Any]:
    """As `input_type` and `input`."""
    kinds = [kind for kind in INPUTS if kind in given]
    if len(kinds) != 1:
        raise Invalid(
            f"Label schema `input` must have exactly one of {', '.join(INPUTS)} set; got {len(kinds)}.", target="input"
        )
    kind = kinds[0]
    held = given.object(kind)
    match kind:
        case "pass_fail":
            settings = {name: held.text(name) for name in ("positive_label", "negative_label")}
        case "categorical":
            settings = {"options": held.texts("options"), "multi_select": held.flag("multi_select")}
        case "numeric":
            settings = {name: held.number(name) for name in ("min_value", "max_value") if name in held}
        case _:
            settings = {"max_length": held.integer("max_length")} if "max_length" in held else {}
    return {"input_type": kind, "input": settings}


@router.post("/create", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    arguments.text("type")
    draft = Draft(
        name=arguments.text("name"),
        type=TYPES[arguments.choice("type", TYPES)],
        instruction=arguments.optional_text("instruction") if "instruction" in arguments else None,
        enable_comment=arguments.flag("enable_comment"),
        **_input(arguments.object("input")),
    )
    experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    return answer({"label_schema": shown(questions.create(session, experiment, draft, caller.user.name))})


@router.get("/get", dependencies=[allow(READ)])
def get(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"label_schema": shown(questions.get(session, caller.workspace.id, arguments.text("schema_id")))})


@router.get("/get-by-name", dependencies=[allow(READ)])
def get_by_name(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    return answer({"label_schema": shown(questions.get_by_name(session, experiment, arguments.text("name")))})


@router.get("/list", dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, caller: CallerDep) -> Response:
    """An experiment that nobody asked before gets its default question now, as in MLflow."""
    with reading() as session:
        experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
        if questions.has_default(session, experiment):
            return _listed(arguments, session, experiment)
    with transaction() as session:
        questions.ensure_default(session, experiment)
        return _listed(arguments, session, experiment)


def _listed(arguments: Arguments, session, experiment) -> Response:
    offset, count = arguments.offset(), arguments.count(100, MOST_LISTED)
    found = questions.page(session, experiment, offset, count + 1)
    return paged("label_schemas", [shown(schema) for schema in found], offset, count)


@router.patch("/update", dependencies=[allow(WRITE)])
def update(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    schema = questions.get(session, caller.workspace.id, arguments.text("schema_id"))
    changes: dict[str, Any] = {
        name: arguments.optional_text(name) for name in ("name", "instruction") if name in arguments
    }
    if "enable_comment" in arguments:
        changes["enable_comment"] = arguments.flag("enable_comment")
    if "input" in arguments:
        changes |= _input(arguments.object("input"))
    questions.update(session, schema, changes)
    return answer({"label_schema": shown(schema)})


@router.delete("/delete", dependencies=[allow(DELETE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """What is not there is deleted already."""
    schema = questions.find(session, caller.workspace.id, arguments.text("schema_id"))
    if schema is not None:
        note(session, "label-schemas", schema.name, before={"id": schema.id})
        questions.delete(session, schema)
    return answer()
