"""Evaluation datasets with their records, and scorers: as they leave and come."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, Field, field_validator
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import Conflict
from app.evaluation import queries, scorers
from app.evaluation.records import input_hash
from app.evaluation.tables import (
    EvaluationDataset,
    EvaluationDatasetTag,
    EvaluationDatasetUse,
    EvaluationRecord,
    Scorer,
    ScorerVersion,
)
from app.experiments import queries as experiments
from app.transfer.records import Outcome, stand_in
from app.transfer.selection import Selection

AT_ONCE = 200
"""Records in one line."""

_SAME = ("name", "digest", "created_ms", "updated_ms", "created_by", "updated_by")


class Dataset(BaseModel):
    """`fields` is JSON text: the types of the fields of its records, as MLflow's `schema`."""

    dataset_id: str = Field(pattern="^d-[0-9a-f]{1,64}$")
    experiment_ids: list[str]
    name: str = Field(min_length=1, max_length=255)
    digest: str
    fields: str | None = None
    tags: dict[str, str] = {}
    created_ms: int
    updated_ms: int
    created_by: str
    updated_by: str


class Example(BaseModel):
    """A record. What users gave is JSON text, which may hold NaN."""

    record_id: str = Field(pattern="^dr-[0-9a-f]{1,64}$")
    inputs: str
    outputs: str | None = None
    expectations: str | None = None
    tags: str = "{}"
    source: str | None = None
    created_ms: int
    updated_ms: int
    created_by: str
    updated_by: str

    @field_validator("inputs", "outputs", "expectations", "tags", "source")
    @classmethod
    def _is_json(cls, text: str | None) -> str | None:
        if text is not None:
            json.loads(text)
        return text

    @field_validator("inputs")
    @classmethod
    def _is_object(cls, text: str) -> str:
        if not isinstance(json.loads(text), dict):
            raise ValueError("it must be the JSON text of an object")
        return text


class Examples(BaseModel):
    records: list[Example] = Field(max_length=AT_ONCE)


class Version(BaseModel):
    """Of a scorer; `content` is as MLflow serialises it."""

    version: int = Field(ge=1)
    content: str
    created_ms: int
    created_by: str


class ScorerRecord(BaseModel):
    scorer_id: str = Field(min_length=1, max_length=100)
    experiment_id: str
    name: str = Field(min_length=1, max_length=256)
    online_id: str | None = None
    sample_rate: float | None = None
    filter: str | None = None
    versions: list[Version] = Field(min_length=1)


def selected(session: Session, selection: Selection) -> list[EvaluationDataset]:
    """Those that are used in the selected experiments, by id; none of a selection of runs."""
    if selection.runs is not None:
        return []
    used = select(EvaluationDatasetUse.dataset_id).where(EvaluationDatasetUse.experiment_id.in_(selection.experiments))
    found = select(EvaluationDataset).where(EvaluationDataset.id.in_(used), EvaluationDataset.deleted_ms.is_(None))
    return sorted(session.scalars(found), key=lambda row: row.id)


def of_scorers(session: Session, selection: Selection) -> Iterator[dict]:
    if selection.runs is not None:
        return
    found = session.scalars(select(Scorer).where(Scorer.experiment_id.in_(selection.experiments))).all()
    for row in sorted(found, key=lambda row: row.id):
        held = select(ScorerVersion).where(ScorerVersion.scorer_id == row.id).order_by(ScorerVersion.version)
        versions = [
            Version(**{name: getattr(one, name) for name in Version.model_fields}) for one in session.scalars(held)
        ]
        if versions:
            same = {name: getattr(row, name) for name in ("name", "online_id", "sample_rate", "filter")}
            number = selection.number(row.experiment_id)
            yield ScorerRecord(scorer_id=row.id, experiment_id=number, versions=versions, **same).model_dump()


def scorer(session: Session, caller: Caller, given: ScorerRecord) -> Outcome:
    """A scorer, or those of its versions that lack here; raises Invalid for one that is Python source."""
    experiment = experiments.get(session, caller.workspace.id, given.experiment_id)
    for one in given.versions:
        scorers.check(one.content)
    found = session.scalar(select(Scorer).where(Scorer.experiment_id == experiment.id, Scorer.name == given.name))
    created = found is None
    if found is None:
        is_taken = session.get(Scorer, given.scorer_id) is not None
        id = stand_in(given.scorer_id, experiment.id) if is_taken else given.scorer_id
        same = given.model_dump(include={"name", "online_id", "sample_rate", "filter"})
        found = Scorer(id=id, experiment_id=experiment.id, **same)
        session.add(found)
        session.flush()
    known = set(session.scalars(select(ScorerVersion.version).where(ScorerVersion.scorer_id == found.id)))
    session.add_all(
        ScorerVersion(scorer_id=found.id, **one.model_dump()) for one in given.versions if one.version not in known
    )
    session.flush()
    return Outcome(found.id, created)


def of_datasets(session: Session, selection: Selection) -> Iterator[dict]:
    for row in selected(session, selection):
        same = {name: getattr(row, name) for name in Dataset.model_fields if hasattr(row, name)}
        here = [one.id for one in row.experiments if one.id in selection.experiments]
        same |= {"tags": {tag.key: tag.value for tag in row.tags}, "fields": row.schema}
        numbers = sorted(selection.number(id) for id in here)
        yield Dataset(**same, dataset_id=row.id, experiment_ids=numbers).model_dump()


def of_records(session: Session, dataset_id: str, after: int) -> tuple[dict | None, int]:
    """The next records of a dataset after a row, in one line, and the row to go on after."""
    found = select(EvaluationRecord).where(EvaluationRecord.dataset_id == dataset_id, EvaluationRecord.id > after)
    rows = session.scalars(found.order_by(EvaluationRecord.id).limit(AT_ONCE)).all()
    if not rows:
        return None, after
    shown = [
        Example(
            record_id=row.name, **{name: getattr(row, name) for name in Example.model_fields if name != "record_id"}
        )
        for row in rows
    ]
    return {"dataset_id": dataset_id, "records": [one.model_dump() for one in shown]}, rows[-1].id


def dataset(session: Session, caller: Caller, given: Dataset) -> Outcome:
    """Raises Conflict where the dataset of that id is another one, or was changed since."""
    used = [experiments.get(session, caller.workspace.id, id) for id in given.experiment_ids]
    found = _find(session, caller, given.dataset_id)
    if found is not None:
        if (found.name, found.digest) != (given.name, given.digest):
            raise Conflict(
                f"A dataset {found.id} is here already, and its content is another one. It was left as it is.",
                target="dataset_id",
            )
        found.experiments += [one for one in used if one not in found.experiments]
        session.flush()
        return Outcome(found.id, False)
    is_taken = session.get(EvaluationDataset, given.dataset_id) is not None
    made = EvaluationDataset(
        id=stand_in(given.dataset_id, caller.workspace.id) if is_taken else given.dataset_id,
        workspace_id=caller.workspace.id,
        schema=given.fields,
        tags=[EvaluationDatasetTag(key=key, value=value) for key, value in sorted(given.tags.items())],
        experiments=used,
        **given.model_dump(include=set(_SAME)),
    )
    session.add(made)
    session.flush()
    return Outcome(made.id, True)


def _find(session: Session, caller: Caller, dataset_id: str) -> EvaluationDataset | None:
    """A dataset of the workspace by the id that it had elsewhere."""
    for id in (dataset_id, stand_in(dataset_id, caller.workspace.id)):
        found = session.get(EvaluationDataset, id)
        if found is not None and found.workspace_id == caller.workspace.id:
            if found.deleted_ms is not None:
                raise Conflict(f"The dataset {id} is being deleted here; try again in a moment.", target="dataset_id")
            return found
    return None


def records(session: Session, caller: Caller, dataset_id: str, given: Examples) -> Outcome:
    """Add those whose inputs the dataset does not have yet."""
    held = queries.get(session, caller.workspace.id, dataset_id, lock=True)
    hashes = {input_hash(json.loads(one.inputs)): one for one in given.records}
    known = queries.records_by_hash(session, held, list(hashes))
    named = select(EvaluationRecord.name).where(EvaluationRecord.name.in_([one.record_id for one in given.records]))
    taken = set(session.scalars(named))
    new = [
        one.model_dump(exclude={"record_id"})
        | {"dataset_id": held.id, "input_hash": hash}
        | {"name": stand_in(one.record_id, held.id) if one.record_id in taken else one.record_id}
        for hash, one in hashes.items()
        if hash not in known
    ]
    if new:
        session.execute(insert(EvaluationRecord), new)
        count = select(func.count(EvaluationRecord.id)).where(EvaluationRecord.dataset_id == held.id)
        held.record_count = session.scalar(count)
    return Outcome(held.id, bool(new))
