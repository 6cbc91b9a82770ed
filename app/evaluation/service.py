"""Writes evaluation datasets and their records."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Exists, exists, insert, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.database import reading, transaction
from app.errors import Invalid
from app.evaluation import queries
from app.evaluation.records import USER, Draft, as_text, merged, schema_after
from app.evaluation.tables import EvaluationDataset, EvaluationDatasetTag, EvaluationRecord
from app.experiments.tables import Experiment
from app.kit.clock import milliseconds, now
from app.traces.spans import clean

LONGEST_NAME = LONGEST_KEY = 255
LONGEST_VALUE = 5000
_RECORDS_AT_ONCE = 2000


def create(
    session: Session, caller: Caller, name: str, *, tags: Mapping[str, Any], experiments: Sequence[Experiment]
) -> EvaluationDataset:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid(f"name: the name of a dataset has 1 to {LONGEST_NAME} characters.", target="name")
    at, user = milliseconds(now()), str(tags.get(USER) or caller.user.name)
    made = EvaluationDataset(
        id="d-" + secrets.token_hex(16),
        workspace_id=caller.workspace.id,
        name=clean(name),
        digest=_digest(name, at),
        created_ms=at,
        updated_ms=at,
        created_by=user,
        updated_by=user,
        experiments=list(experiments),
    )
    session.add(made)
    set_tags(session, made, tags)
    return made


def _digest(name: str, updated_ms: int) -> str:
    return hashlib.sha256(f"{name}:{updated_ms}".encode()).hexdigest()[:8]


def set_tags(session: Session, dataset: EvaluationDataset, tags: Mapping[str, Any]) -> None:
    """Tags of the same key get the new value; one whose value is None is left as it is."""
    held = {tag.key: tag for tag in dataset.tags}
    for key, value in tags.items():
        if value is None:
            continue
        if not key or len(key) > LONGEST_KEY:
            raise Invalid(f"tags: the key of a tag has 1 to {LONGEST_KEY} characters, not {len(key)}.", target="tags")
        if len(str(value)) > LONGEST_VALUE:
            raise Invalid(f"tags: the value of {key!r} has more than {LONGEST_VALUE} characters.", target="tags")
        if key in held:
            held[key].value = clean(str(value))
        else:
            dataset.tags.append(EvaluationDatasetTag(key=clean(key), value=clean(str(value))))
    session.flush()


def delete_tag(session: Session, dataset: EvaluationDataset, key: str) -> None:
    """Nothing happens where the dataset has no such tag."""
    tag = EvaluationDatasetTag
    session.execute(delete_rows(tag).where(tag.dataset_id == dataset.id, tag.key == key))
    session.expire(dataset, ["tags"])


def add_to(session: Session, dataset: EvaluationDataset, experiments: Sequence[Experiment]) -> None:
    dataset.experiments += [experiment for experiment in experiments if experiment not in dataset.experiments]
    dataset.updated_ms = milliseconds(now())
    session.flush()


def remove_from(session: Session, dataset: EvaluationDataset, experiment_ids: Sequence[int]) -> None:
    """Nothing happens where the dataset is not used in them."""
    dataset.experiments = [one for one in dataset.experiments if one.id not in experiment_ids]
    dataset.updated_ms = milliseconds(now())
    session.flush()


def delete(session: Session, dataset: EvaluationDataset) -> None:
    """It is gone at once; `forget_deleted` takes its records, which may be many."""
    dataset.experiments = []
    dataset.deleted_ms = milliseconds(now())
    session.flush()


def is_any_deleted() -> Exists:
    return exists().where(EvaluationDataset.deleted_ms.is_not(None))


def forget_deleted() -> None:
    """Delete the records of deleted datasets, a few thousand a transaction, and then the datasets."""
    with reading() as session:
        deleted = session.scalars(select(EvaluationDataset.id).where(EvaluationDataset.deleted_ms.is_not(None))).all()
    for dataset_id in deleted:
        record, gone = EvaluationRecord, _RECORDS_AT_ONCE
        while gone == _RECORDS_AT_ONCE:
            first = select(record.id).where(record.dataset_id == dataset_id).order_by(record.id).limit(_RECORDS_AT_ONCE)
            with transaction() as session:
                gone = session.execute(delete_rows(record).where(record.id.in_(first))).rowcount
        with transaction() as session:
            session.execute(delete_rows(EvaluationDataset).where(EvaluationDataset.id == dataset_id))


def merge_records(
    session: Session, caller: Caller, dataset: EvaluationDataset, drafts: Sequence[Draft]
) -> tuple[int, int]:
    """Add records; those whose inputs the dataset has already are merged into what is there.

    Returns how many were added and how many merged. The dataset is locked, see `queries.get`.
    """
    at, user = milliseconds(now()), caller.user.name
    hashes = [draft.input_hash for draft in drafts]
    known = queries.records_by_hash(session, dataset, list(dict.fromkeys(hashes)))
    new: dict[str, dict] = {}
    for draft, input_hash in zip(drafts, hashes, strict=True):
        user = str(draft.tags.get(USER) or user)
        if input_hash in known:
            record = known[input_hash]
            for name, value in _merged(vars(record), draft, at).items():
                setattr(record, name, value)
        elif input_hash in new:
            new[input_hash] |= _merged(new[input_hash], draft, at)
        else:
            new[input_hash] = _row(dataset, draft, input_hash, at, str(draft.tags.get(USER) or caller.user.name))
    if new:
        session.execute(insert(EvaluationRecord), list(new.values()))
    dataset.record_count += len(new)
    dataset.schema = schema_after(dataset.schema, drafts)
    dataset.updated_ms, dataset.updated_by, dataset.digest = at, user, _digest(dataset.name, at)
    session.flush()
    return len(new), len(drafts) - len(new)


def _row(dataset: EvaluationDataset, draft: Draft, input_hash: str, at: int, user: str) -> dict:
    return {
        "dataset_id": dataset.id,
        "name": "dr-" + secrets.token_hex(16),
        "input_hash": input_hash,
        "inputs": as_text(draft.inputs),
        "outputs": as_text(draft.outputs),
        "expectations": as_text(draft.expectations),
        "tags": as_text(draft.tags),
        "source": as_text(draft.source),
        "created_ms": at,
        "updated_ms": at,
        "created_by": user,
        "updated_by": user,
    }


def _merged(held: Mapping[str, Any], draft: Draft, at: int) -> dict:
    """What changes of a record when the same inputs come again: outputs are replaced, the rest is added to."""
    return {
        "outputs": as_text(draft.outputs) if "outputs" in draft.given else held["outputs"],
        "expectations": merged(held["expectations"], draft.expectations),
        "tags": merged(held["tags"], draft.tags),
        "updated_ms": at,
        "updated_by": str(draft.tags.get(USER) or held["updated_by"]),
    }


def delete_records(session: Session, dataset: EvaluationDataset, names: Sequence[str]) -> int:
    """Returns how many there were. The dataset is locked, see `queries.get`."""
    record, count = EvaluationRecord, 0
    for start in range(0, len(names), 500):
        wanted = record.dataset_id == dataset.id, record.name.in_(names[start : start + 500])
        count += session.execute(delete_rows(record).where(*wanted)).rowcount
    dataset.record_count -= count
    session.flush()
    return count
