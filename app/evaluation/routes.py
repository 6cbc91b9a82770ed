"""REST for evaluation datasets and scorers."""

import json
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from app.access.guard import CallerDep, allow
from app.evaluation import queries
from app.evaluation.permissions import READ
from app.evaluation.tables import EvaluationDataset, EvaluationRecord, ScorerVersion
from app.web.paging import Listing, PageNumber, PageSize, listing
from app.web.session import SessionDep

router = APIRouter(prefix="/api/evaluation", tags=["evaluation"])


class DatasetRead(BaseModel):
    """Times are Unix milliseconds."""

    id: str
    name: str
    digest: str
    records: int
    experiments: list[str]
    tags: dict[str, str]
    created_ms: int
    updated_ms: int
    created_by: str
    updated_by: str


class RecordRead(BaseModel):
    id: str
    inputs: dict[str, Any]
    outputs: Any
    expectations: dict[str, Any] | None
    tags: dict[str, Any]
    source: dict[str, Any] | None
    created_ms: int
    updated_ms: int


class ScorerRead(BaseModel):
    """The newest version of a scorer."""

    id: str
    name: str
    experiment: str
    version: int
    created_ms: int
    created_by: str


def _dataset(dataset: EvaluationDataset) -> dict:
    same = ("id", "name", "digest", "created_ms", "updated_ms", "created_by", "updated_by")
    return {name: getattr(dataset, name) for name in same} | {
        "records": dataset.record_count,
        "experiments": [experiment.name for experiment in dataset.experiments],
        "tags": {tag.key: tag.value for tag in dataset.tags},
    }


def _record(record: EvaluationRecord) -> dict:
    parts = ("inputs", "outputs", "expectations", "tags", "source")
    shown = {part: json.loads(getattr(record, part) or "null", parse_constant=str) for part in parts}
    return shown | {"id": record.name, "created_ms": record.created_ms, "updated_ms": record.updated_ms}


def _scorer(version: ScorerVersion) -> dict:
    return {
        "id": version.scorer_id,
        "name": version.scorer.name,
        "experiment": version.scorer.experiment.name,
        "version": version.version,
        "created_ms": version.created_ms,
        "created_by": version.created_by,
    }


@router.get("/datasets", response_model=Listing[DatasetRead], dependencies=[allow(READ)])
def datasets(
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    experiment: str = "",
    sort: str = "-updated",
    page: PageNumber = 1,
    size: PageSize = 50,
) -> dict:
    found = queries.page(
        session, caller.workspace.id, text=text.strip(), experiment=experiment, sort=sort, number=page, size=size
    )
    return listing(found, [_dataset(dataset) for dataset in found.rows])


@router.get("/datasets/{dataset_id}", response_model=DatasetRead, dependencies=[allow(READ)])
def dataset(dataset_id: str, session: SessionDep, caller: CallerDep) -> dict:
    return _dataset(queries.get(session, caller.workspace.id, dataset_id))


@router.get("/datasets/{dataset_id}/records", response_model=Listing[RecordRead], dependencies=[allow(READ)])
def records(
    dataset_id: str,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    page: PageNumber = 1,
    size: PageSize = 50,
) -> dict:
    """In the order in which they came."""
    found = queries.get(session, caller.workspace.id, dataset_id)
    rows = queries.records_page(session, found, text=text.strip(), number=page, size=size)
    return listing(rows, [_record(record) for record in rows.rows])


@router.get("/scorers", response_model=Listing[ScorerRead], dependencies=[allow(READ)])
def scorers(
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    experiment: str = "",
    page: PageNumber = 1,
    size: PageSize = 50,
) -> dict:
    found = queries.scorers_page(
        session, caller.workspace.id, text=text.strip(), experiment=experiment, number=page, size=size
    )
    return listing(found, [_scorer(version) for version in found.rows])
