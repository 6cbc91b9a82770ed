"""MLflow's filter and order language over experiments."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, String, cast
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.experiments import queries
from app.experiments.tables import Experiment
from app.kit.clock import from_milliseconds
from app.kit.filtering import (
    LISTS,
    NULLS,
    NUMERIC,
    TEXT,
    Comparison,
    check_numeric,
    check_operator,
    check_text,
    condition,
    parse_filter,
    parse_order,
)

ATTRIBUTES = {
    "name": Experiment.name,
    "experiment_id": Experiment.id,
    "creation_time": Experiment.created_at,
    "last_update_time": Experiment.updated_at,
}
STAGES = {"ACTIVE_ONLY": ["active"], "DELETED_ONLY": ["deleted"], "ALL": ["active", "deleted"]}
_TIMES = ("creation_time", "last_update_time")
_ATTRIBUTE_WORDS = ("", "attribute", "attributes", "attr", "experiment")


def search(
    session: Session,
    workspace_id: int,
    *,
    filter: str = "",
    order_by: Sequence[str] = (),
    view: str = "ACTIVE_ONLY",
    offset: int = 0,
    count: int = 1000,
) -> Sequence[Experiment]:
    conditions = [Experiment.lifecycle_stage.in_(STAGES[view])]
    conditions += [_condition(comparison) for comparison in parse_filter(filter)]
    orders = [_order(text) for text in order_by] or [Experiment.updated_at.desc()]
    return queries.page(session, workspace_id, conditions, orders, offset, count)


def _condition(comparison: Comparison) -> ColumnElement[bool]:
    if comparison.entity in ("tag", "tags"):
        check_text(comparison, (*TEXT, *NULLS))
        return condition(Experiment.tags[comparison.key].as_string(), comparison)
    column = _attribute(comparison.entity, comparison.key)
    if comparison.key in _TIMES:
        check_numeric(comparison)
        at = from_milliseconds(comparison.value)
        return condition(column, Comparison("", comparison.key, comparison.operator, at))
    if comparison.key == "experiment_id":
        check_operator(comparison, (*NUMERIC[2:4], *LISTS))
        values = comparison.value if isinstance(comparison.value, tuple) else (str(comparison.value),)
        listed = comparison.operator in LISTS
        return condition(
            cast(column, String), Comparison("", "experiment_id", comparison.operator, values if listed else values[0])
        )
    check_text(comparison)
    return condition(column, comparison)


def _attribute(entity: str, key: str):
    if entity not in _ATTRIBUTE_WORDS or key not in ATTRIBUTES:
        shown = f"{entity}.{key}" if entity else key
        raise Invalid(
            f"Invalid attribute key {shown!r} specified. Valid keys are {', '.join(ATTRIBUTES)} and tags.NAME.",
            target="filter",
        )
    return ATTRIBUTES[key]


def _order(text: str) -> ColumnElement:
    order = parse_order(text)
    column = _attribute(order.entity, order.key)
    return column.asc() if order.ascending else column.desc()
