"""MLflow's search of logged models: filter and order language, narrowed to datasets where metrics are meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, case, exists, not_, or_, select
from sqlalchemy.orm import Session, aliased

from app.errors import Invalid
from app.jobs.tables import Job
from app.kit.clock import from_milliseconds
from app.kit.filtering import (
    LISTS,
    NULLS,
    TEXT,
    Comparison,
    Order,
    check_numeric,
    check_text,
    condition,
    parse_filter,
    parse_order,
)
from app.tracking.tables import LoggedModel, LoggedModelMetric, LoggedModelParam, LoggedModelTag

_METRICS, _PARAMS, _TAGS = ("metric", "metrics"), ("param", "params"), ("tag", "tags")
_ATTRIBUTE_WORDS = ("", "attribute", "attributes")
_TIMES = {
    "creation_timestamp": LoggedModel.created_at,
    "creation_time": LoggedModel.created_at,
    "last_updated_timestamp": LoggedModel.updated_at,
    "last_updated_time": LoggedModel.updated_at,
}
_TEXTS = {
    "name": LoggedModel.name,
    "model_id": LoggedModel.id,
    "model_type": LoggedModel.model_type,
    "status": LoggedModel.status,
    "source_run_id": Job.name,
}


@dataclass(frozen=True)
class DatasetName:
    name: str
    digest: str = ""


@dataclass(frozen=True)
class ModelOrder:
    """`dataset` narrows a metric to what was measured on it."""

    field: str
    ascending: bool
    dataset: DatasetName | None = None


def search(
    session: Session, workspace_id: int, experiment_ids: Sequence[int], *, filter: str = "",
    datasets: Sequence[DatasetName] = (), order_by: Sequence[ModelOrder] = (), offset: int = 0, count: int = 100,
) -> list[str]:  # fmt: skip
    """The ids of the models found, in order."""
    found = (
        select(LoggedModel.id)
        .outerjoin(Job, Job.id == LoggedModel.job_id)
        .where(
            LoggedModel.workspace_id == workspace_id,
            LoggedModel.experiment_id.in_(experiment_ids),
            LoggedModel.lifecycle_stage == "active",
        )
    )
    for comparison in parse_filter(filter):
        found = found.where(_condition(comparison, datasets))
    orders: list[ColumnElement] = []
    for order in order_by:
        found, columns = _order(found, order)
        orders += columns
    found = found.order_by(*orders, LoggedModel.created_at.desc(), LoggedModel.id)
    return list(session.scalars(found.offset(offset).limit(count)))


def _condition(comparison: Comparison, datasets: Sequence[DatasetName]) -> ColumnElement[bool]:
    if comparison.entity in _METRICS:
        check_numeric(comparison)
        return _has_metric(comparison, datasets)
    if comparison.entity in (*_PARAMS, *_TAGS):
        check_text(comparison, (*TEXT, *LISTS, *NULLS))
        return _has(LoggedModelParam if comparison.entity in _PARAMS else LoggedModelTag, comparison)
    _check_known(comparison.entity, comparison.key, "filter")
    if comparison.key in _TIMES:
        check_numeric(comparison)
        at = from_milliseconds(comparison.value)
        return condition(_TIMES[comparison.key], Comparison("", comparison.key, comparison.operator, at))
    check_text(comparison)
    return condition(_TEXTS[comparison.key], _without_prefix(comparison))


def _without_prefix(comparison: Comparison) -> Comparison:
    if comparison.key != "status" or not isinstance(comparison.value, str):
        return comparison
    return Comparison("", "status", comparison.operator, comparison.value.removeprefix("LOGGED_MODEL_"))


def _has_metric(comparison: Comparison, datasets: Sequence[DatasetName]) -> ColumnElement[bool]:
    metric = LoggedModelMetric
    wanted = [metric.model_id == LoggedModel.id, metric.key == comparison.key, condition(metric.value, comparison)]
    if datasets:
        wanted.append(or_(*[_measured_on(metric, dataset) for dataset in datasets]))
    return exists().where(*wanted)


def _measured_on(metric, dataset: DatasetName) -> ColumnElement[bool]:
    named = metric.dataset_name == dataset.name
    return and_(named, metric.dataset_digest == dataset.digest) if dataset.digest else named


def _has(table: type, comparison: Comparison) -> ColumnElement[bool]:
    of_key = [table.model_id == LoggedModel.id, table.key == comparison.key]
    if comparison.operator in NULLS:
        there = exists().where(*of_key)
        return not_(there) if comparison.operator == "IS NULL" else there
    return exists().where(*of_key, condition(table.value, comparison))


def _check_known(entity: str, key: str, target: str) -> None:
    if entity not in _ATTRIBUTE_WORDS or key not in (*_TEXTS, *_TIMES):
        shown = f"{entity}.{key}" if entity else key
        raise Invalid(
            f"Invalid key {shown!r}. Valid are {', '.join((*_TEXTS, *_TIMES))}, metrics.X, params.X and tags.X.",
            target=target,
        )


def _order(found: Select, order: ModelOrder) -> tuple[Select, list[ColumnElement]]:
    parsed: Order = parse_order(order.field)
    if parsed.entity in _METRICS:
        metric = aliased(LoggedModelMetric)
        joined = and_(metric.model_id == LoggedModel.id, metric.key == parsed.key)
        if order.dataset:
            joined = and_(joined, _measured_on(metric, order.dataset))
        return found.outerjoin(metric, joined), [
            case((metric.value.is_(None), 1), else_=0),
            _directed(metric.value, order),
        ]
    if parsed.entity in _PARAMS:
        param = aliased(LoggedModelParam)
        joined = and_(param.model_id == LoggedModel.id, param.key == parsed.key)
        return found.outerjoin(param, joined), [
            case((param.value.is_(None), 1), else_=0),
            _directed(param.value, order),
        ]
    _check_known(parsed.entity, parsed.key, "order_by")
    return found, [_directed({**_TEXTS, **_TIMES}[parsed.key], order)]


def _directed(column, order: ModelOrder) -> ColumnElement:
    return column.asc() if order.ascending else column.desc()
