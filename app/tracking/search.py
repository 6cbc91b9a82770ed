"""MLflow's search of runs: the filter and order language as SQL over runs and what they logged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, case, cast, exists, func, literal, not_, select
from sqlalchemy.orm import Session, aliased

from app.errors import Invalid
from app.experiments.search import STAGES
from app.jobs.lifecycle import Status
from app.jobs.tables import Job, JobTag
from app.kit.clock import from_milliseconds
from app.kit.filtering import (
    LISTS,
    NULLS,
    TEXT,
    Comparison,
    InvalidFilter,
    Order,
    check_numeric,
    check_text,
    condition,
    parse_filter,
    parse_order,
)
from app.tracking.tables import Dataset, DatasetInput, LatestMetric, Param

ENTITIES = {
    "metric": "metric",
    "metrics": "metric",
    "param": "param",
    "params": "param",
    "parameter": "param",
    "parameters": "param",
    "tag": "tag",
    "tags": "tag",
    "": "attribute",
    "attr": "attribute",
    "attribute": "attribute",
    "attributes": "attribute",
    "run": "attribute",
    "dataset": "dataset",
    "datasets": "dataset",
}
STATUSES = {
    "RUNNING": [Status.RUNNING, Status.FINALIZING, Status.CANCEL_REQUESTED],
    "SCHEDULED": [Status.NOT_STARTED, Status.QUEUED, Status.PREPARING],
    "FINISHED": [Status.COMPLETED],
    "FAILED": [Status.FAILED],
    "KILLED": [Status.CANCELED],
}
"""MLflow's states, each with the states of a job that it stands for."""

_START = func.coalesce(Job.started_at, Job.created_at)
_TEXTS = {
    "run_id": Job.name,
    "run_name": Job.display_name,
    "Run name": Job.display_name,
    "run name": Job.display_name,
    "Run Name": Job.display_name,
}
_TIMES = {"start_time": _START, "created": _START, "Created": _START, "end_time": Job.ended_at}
_TRIED, _TRIED_MORE, _FEW = (3, 30), 30, 500
_KNOWN = ("run_id", "run_name", "status", "user_id", "artifact_uri", "start_time", "end_time")


def search(
    session: Session,
    workspace_id: int,
    experiment_ids: Sequence[int],
    *,
    filter: str = "",
    order_by: Sequence[str] = (),
    view: str = "ACTIVE_ONLY",
    offset: int = 0,
    count: int = 1000,
) -> list[int]:
    """The ids of the rows of the runs found, in order."""
    # The sums keep SQLite from reading the whole workspace, or a whole experiment, by an index where it need not.
    comparisons = parse_filter(filter)
    narrowed = _narrowed(select(Job.id).where(Job.workspace_id + 0 == workspace_id), comparisons)
    narrowed = narrowed.where(Job.lifecycle_stage.in_(STAGES[view]))
    found = narrowed.where(Job.experiment_id.in_(experiment_ids))
    orders = [parse_order(text) for text in order_by]
    if orders and _entity(orders[0].entity, "order_by") == "metric":
        first = _first_by_metric(session, found, orders, offset + count)
        if first is not None:
            return first[offset:]
    if (few := _few_by_metric(session, comparisons)) is not None:
        found = narrowed.where((Job.experiment_id + 0).in_(experiment_ids), Job.id.in_(few))
    return list(session.scalars(_sorted(found, orders).offset(offset).limit(count)))


def _few_by_metric(session: Session, comparisons: Sequence[Comparison]) -> list[int] | None:
    """The runs whose metric is as a filter wants it, where those are so few that looking at each costs nothing."""
    for comparison in comparisons:
        if ENTITIES[comparison.entity] == "metric" and comparison.operator not in NULLS:
            wanted = select(LatestMetric.job_id).where(
                LatestMetric.key == comparison.key, condition(LatestMetric.value, comparison)
            )
            few = list(session.scalars(wanted.limit(_FEW + 1)))
            if len(few) <= _FEW:
                return few
    return None


def _sorted(found: Select, orders: Sequence[Order], *before: ColumnElement) -> Select:
    columns: list[ColumnElement] = []
    for by in orders:
        found, more = order(found, by)
        columns += more
    return found.order_by(*before, *columns, _START.desc(), Job.name)


def _first_by_metric(session: Session, found: Select, orders: Sequence[Order], count: int) -> list[int] | None:
    """The first of the selected runs by a metric, if they are among the first of all runs by it, else None.

    Those are read from an index in their order, however many runs there are; the rest need not be sorted.
    """
    by, *others = orders
    of_key = (LatestMetric.key == by.key, LatestMetric.value.is_not(None))
    values = select(LatestMetric.job_id, LatestMetric.value).where(*of_key)
    values = values.order_by(_directed(LatestMetric.value, by))
    for factor in _TRIED:
        tried = factor * (count + _TRIED_MORE)
        beyond = session.scalar(values.with_only_columns(LatestMetric.value).offset(tried).limit(1))
        if beyond is None:
            break
        first = values.limit(tried).subquery()
        rows = _sorted(found.join(first, first.c.job_id == Job.id), others, _directed(first.c.value, by))
        top = session.execute(rows.add_columns(first.c.value).limit(count)).all()
        # Of values that equal the first one beyond, some may have been left out.
        if len(top) == count and top[-1].value != beyond:
            return [row.id for row in top]
    return None


def narrow(found: Select, filter: str) -> Select:
    """Keep those of the selected jobs that a filter names; raises InvalidFilter that says where it goes wrong."""
    return _narrowed(found, parse_filter(filter))


def _narrowed(found: Select, comparisons: Sequence[Comparison]) -> Select:
    for comparison in comparisons:
        try:
            found = found.where(condition_of(comparison))
        except InvalidFilter:
            raise
        except Invalid as error:
            at = comparison.key_at if comparison.entity in ENTITIES else comparison.at
            raise InvalidFilter(error.message, at, error.message) from error
    return found


def _entity(name: str, target: str) -> str:
    if name not in ENTITIES:
        raise Invalid(
            f"Invalid entity type {name!r}. Valid values are metrics, params, tags, attributes and datasets.",
            target=target,
        )
    return ENTITIES[name]


def condition_of(comparison: Comparison) -> ColumnElement[bool]:
    match _entity(comparison.entity, "filter"):
        case "metric":
            check_numeric(comparison)
            return _has(LatestMetric, comparison)
        case "param":
            check_text(comparison, (*TEXT, *NULLS))
            return _has(Param, comparison)
        case "tag":
            check_text(comparison, (*TEXT, *NULLS))
            return _has(JobTag, comparison)
        case "dataset":
            return _dataset(comparison)
    return _attribute(comparison)


def _has(table: type, comparison: Comparison) -> ColumnElement[bool]:
    of_key = [table.job_id == Job.id, table.key == comparison.key]
    if comparison.operator == "IS NULL":
        return not_(exists().where(*of_key))
    if comparison.operator == "IS NOT NULL":
        return exists().where(*of_key)
    return exists().where(*of_key, condition(table.value, comparison))


def _dataset(comparison: Comparison) -> ColumnElement[bool]:
    columns = {"name": Dataset.name, "digest": Dataset.digest, "context": DatasetInput.context}
    if comparison.key not in columns:
        raise Invalid(
            f"Invalid dataset attribute key {comparison.key!r}. Valid keys are {', '.join(columns)}.", target="filter"
        )
    check_text(comparison)
    return exists().where(
        DatasetInput.job_id == Job.id,
        DatasetInput.dataset_id == Dataset.id,
        condition(columns[comparison.key], comparison),
    )


def _attribute(comparison: Comparison) -> ColumnElement[bool]:
    key = comparison.key
    if key in _TIMES:
        check_numeric(comparison)
        return condition(_TIMES[key], replace(comparison, value=_time(comparison)))
    if key in _TEXTS:
        check_text(comparison)
        return condition(_TEXTS[key], comparison)
    if key == "status":
        return _status(comparison)
    if key in ("user_id", "user", "User"):
        check_text(comparison)
        return _has(JobTag, replace(comparison, entity="tag", key="mlflow.user"))
    if key == "artifact_uri":
        check_text(comparison)
        folder = cast(func.coalesce(Job.files_experiment_id, Job.experiment_id), String)
        uri = literal("mlflow-artifacts:/") + folder + "/" + Job.name + "/artifacts"
        return condition(uri, comparison)
    raise Invalid(f"Invalid attribute key {key!r} specified. Valid keys are {', '.join(_KNOWN)}.", target="filter")


def _time(comparison: Comparison) -> datetime:
    try:
        return from_milliseconds(comparison.value)
    except (ValueError, OverflowError, OSError) as error:
        raise comparison.wrong_value(f"{comparison.value} is not a time in milliseconds since 1970.") from error


def _status(comparison: Comparison) -> ColumnElement[bool]:
    check_text(comparison)
    if comparison.operator not in ("=", "!=", *LISTS):
        word = case(*[(Job.status.in_(states), name) for name, states in STATUSES.items()])
        return condition(word, comparison)
    wanted = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    states = [status for name in wanted for status in STATUSES.get(name.upper(), [])]
    return Job.status.in_(states) if comparison.operator in ("=", "IN") else Job.status.not_in(states)


def order(found: Select, by: Order) -> tuple[Select, list[ColumnElement]]:
    """What is missing comes last either way, and NaN just before it."""
    entity = _entity(by.entity, "order_by")
    if entity == "attribute":
        column = _order_attribute(by.key)
        return found, [column.is_(None), _directed(column, by)]
    if entity == "dataset":
        raise Invalid("Runs cannot be ordered by their datasets.", target="order_by")
    table = aliased({"metric": LatestMetric, "param": Param, "tag": JobTag}[entity])
    found = found.outerjoin(table, (table.job_id == Job.id) & (table.key == by.key))
    rank = case((table.value.is_not(None), 0), (table.job_id.is_not(None), 1), else_=2)
    return found, [rank, _directed(table.value, by)]


def _directed(column, order: Order) -> ColumnElement:
    return column.asc() if order.ascending else column.desc()


def _order_attribute(key: str):
    columns = {**_TEXTS, **_TIMES, "status": Job.status, "experiment_id": Job.experiment_id, "user_id": Job.created_by}
    if key not in columns:
        raise Invalid(
            f"Invalid attribute key {key!r} in order_by. Valid keys are {', '.join(_KNOWN)}.", target="order_by"
        )
    return columns[key]
