"""MLflow's filter and order language over registered models and their versions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.tables import Job
from app.kit.clock import from_milliseconds
from app.kit.filtering import (
    TEXT,
    Comparison,
    check_numeric,
    check_text,
    condition,
    parse_filter,
    parse_order,
)
from app.models.tables import IS_PROMPT, ModelVersion, RegisteredModel

_ATTRIBUTE_WORDS = ("", "attribute", "attributes")
_MODEL_ORDERS = {
    "name": RegisteredModel.name,
    "timestamp": RegisteredModel.updated_at,
    "last_updated_timestamp": RegisteredModel.updated_at,
    "creation_timestamp": RegisteredModel.created_at,
}
_VERSION_ORDERS = {
    "name": RegisteredModel.name,
    "version_number": ModelVersion.version,
    "creation_timestamp": ModelVersion.created_at,
    "last_updated_timestamp": ModelVersion.updated_at,
}
_VERSION_TEXTS = {"name": RegisteredModel.name, "run_id": Job.name, "source_path": ModelVersion.source}


def search_models(
    session: Session,
    workspace_id: int,
    *,
    filter: str = "",
    order_by: Sequence[str] = (),
    offset: int = 0,
    count: int = 100,
) -> Sequence[RegisteredModel]:
    found = select(RegisteredModel).where(RegisteredModel.workspace_id == workspace_id)
    for comparison in parse_filter(filter):
        found = found.where(_of_model(comparison))
    orders = [_order(text, _MODEL_ORDERS) for text in order_by]
    found = found.order_by(*orders, RegisteredModel.name)
    return session.scalars(found.offset(offset).limit(count)).all()


def search_versions(
    session: Session,
    workspace_id: int,
    *,
    filter: str = "",
    order_by: Sequence[str] = (),
    offset: int = 0,
    count: int = 100,
) -> Sequence[ModelVersion]:
    found = (
        select(ModelVersion)
        .join(RegisteredModel, RegisteredModel.id == ModelVersion.model_id)
        .outerjoin(Job, Job.id == ModelVersion.job_id)
        .where(RegisteredModel.workspace_id == workspace_id)
    )
    for comparison in parse_filter(filter):
        found = found.where(_of_version(comparison))
    orders = [_order(text, _VERSION_ORDERS) for text in order_by] or [ModelVersion.updated_at.desc()]
    found = found.order_by(*orders, RegisteredModel.name, ModelVersion.version.desc())
    return session.scalars(found.offset(offset).limit(count)).all()


def _of_model(comparison: Comparison) -> ColumnElement[bool]:
    if comparison.entity in ("tag", "tags"):
        return _tag(RegisteredModel.tags, comparison)
    _check_known(comparison, ["name"])
    check_text(comparison)
    return condition(RegisteredModel.name, comparison)


def _of_version(comparison: Comparison) -> ColumnElement[bool]:
    if comparison.entity in ("tag", "tags"):
        return _tag(ModelVersion.tags, comparison)
    _check_known(comparison, [*_VERSION_TEXTS, "version_number", "creation_timestamp", "last_updated_timestamp"])
    if comparison.key in _VERSION_TEXTS:
        check_text(comparison)
        return condition(_VERSION_TEXTS[comparison.key], comparison)
    check_numeric(comparison)
    value: float | datetime = comparison.value
    if comparison.key != "version_number":
        value = from_milliseconds(comparison.value)
    return condition(_VERSION_ORDERS[comparison.key], Comparison("", comparison.key, comparison.operator, value))


def _tag(tags, comparison: Comparison) -> ColumnElement[bool]:
    check_text(comparison, TEXT)
    value = tags[comparison.key].as_string()
    if comparison.key == IS_PROMPT:
        # Clients ask for what is no prompt, and models do not carry the tag.
        value = func.coalesce(value, "false")
    return condition(value, comparison)


def _check_known(comparison: Comparison, keys: list[str]) -> None:
    if comparison.entity not in _ATTRIBUTE_WORDS or comparison.key not in keys:
        raise Invalid(
            f"Invalid attribute key {comparison.key!r} specified. Valid keys are {', '.join(keys)} and tags.NAME.",
            target="filter",
        )


def _order(text: str, columns: dict) -> ColumnElement:
    order = parse_order(text)
    if order.entity not in _ATTRIBUTE_WORDS or order.key not in columns:
        raise Invalid(f"Invalid order_by key {order.key!r}. Valid keys are {', '.join(columns)}.", target="order_by")
    return columns[order.key].asc() if order.ascending else columns[order.key].desc()
