"""MLflow's filter and order language over evaluation datasets.

Source: `SearchEvaluationDatasetsUtils` of `mlflow/utils/search_utils.py`.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.evaluation import queries
from app.evaluation.tables import EvaluationDataset, EvaluationDatasetTag
from app.kit.filtering import TEXT, Comparison, check_numeric, check_text, condition, parse_filter, parse_order

ATTRIBUTES = {
    "name": EvaluationDataset.name,
    "created_time": EvaluationDataset.created_ms,
    "last_update_time": EvaluationDataset.updated_ms,
    "created_by": EvaluationDataset.created_by,
    "last_updated_by": EvaluationDataset.updated_by,
}
ORDERS = ("name", "created_time", "last_update_time")
_TIMES = ORDERS[1:]


def search(
    session: Session,
    workspace_id: int,
    *,
    experiment_ids: Sequence[int] | None = None,
    filter: str = "",
    order_by: Sequence[str] = (),
    offset: int = 0,
    count: int = 1000,
) -> Sequence[EvaluationDataset]:
    conditions = [_condition(comparison) for comparison in parse_filter(filter)]
    orders = [_order(text) for text in order_by] or [EvaluationDataset.created_ms.desc()]
    return queries.search(session, workspace_id, conditions, orders, experiment_ids, offset, count)


def _condition(comparison: Comparison) -> ColumnElement[bool]:
    if comparison.entity == "tags":
        check_text(comparison, TEXT)
        tag = EvaluationDatasetTag
        held = select(tag.dataset_id).where(tag.key == comparison.key, condition(tag.value, comparison))
        return EvaluationDataset.id.in_(held)
    if comparison.entity or comparison.key not in ATTRIBUTES:
        shown = f"{comparison.entity}.{comparison.key}" if comparison.entity else comparison.key
        raise Invalid(
            f"Invalid attribute key '{shown}' specified. Valid keys are: {', '.join(ATTRIBUTES)} and tags.NAME.",
            target="filter_string",
        )
    if comparison.key in _TIMES:
        check_numeric(comparison)
    else:
        check_text(comparison, (*TEXT, "IN") if comparison.key == "name" else TEXT)
    return condition(ATTRIBUTES[comparison.key], comparison)


def _order(text: str) -> ColumnElement:
    order = parse_order(text)
    if order.entity or order.key not in ORDERS:
        raise Invalid(
            f"Invalid order_by key '{order.key}' specified. Valid keys are: {', '.join(ORDERS)}.", target="order_by"
        )
    column = ATTRIBUTES[order.key]
    return column.asc() if order.ascending else column.desc()
