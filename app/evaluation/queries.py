"""Reads of evaluation datasets, their records, and scorers."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.errors import NotFound
from app.evaluation.tables import (
    EvaluationDataset,
    EvaluationDatasetUse,
    EvaluationRecord,
    Scorer,
    ScorerVersion,
)
from app.experiments.tables import Experiment
from app.jobs.tables import Job
from app.kit.paging import Page, ordering, paginate
from app.tracking.inputs import EVALUATION_DATASET
from app.tracking.tables import Dataset, DatasetInput

SORTS = {
    "name": EvaluationDataset.name,
    "records": EvaluationDataset.record_count,
    "created": EvaluationDataset.created_ms,
    "updated": EvaluationDataset.updated_ms,
}
_WHOLE = selectinload(EvaluationDataset.tags), selectinload(EvaluationDataset.experiments)


def _kept(workspace_id: int) -> Select:
    return select(EvaluationDataset).where(
        EvaluationDataset.workspace_id == workspace_id, EvaluationDataset.deleted_ms.is_(None)
    )


def get(session: Session, workspace_id: int, dataset_id: str, *, lock: bool = False) -> EvaluationDataset:
    """`lock`: nobody else changes its records until the transaction ends."""
    found = _kept(workspace_id).where(EvaluationDataset.id == dataset_id)
    dataset = session.scalar((found.with_for_update() if lock else found).options(*_WHOLE))
    if dataset is None:
        raise NotFound(f"Evaluation dataset with id '{dataset_id}' not found", target="dataset_id")
    return dataset


def search(
    session: Session,
    workspace_id: int,
    conditions: Sequence[ColumnElement[bool]],
    orders: Sequence[ColumnElement],
    experiment_ids: Sequence[int] | None,
    offset: int,
    count: int,
) -> Sequence[EvaluationDataset]:
    """`experiment_ids`, where given: only datasets that are used in one of them."""
    found = _kept(workspace_id).where(*conditions)
    if experiment_ids is not None:
        found = found.where(EvaluationDataset.id.in_(_used_in(experiment_ids)))
    found = found.order_by(*orders, EvaluationDataset.id.desc()).offset(offset).limit(count)
    return session.scalars(found.options(*_WHOLE)).all()


def _used_in(experiment_ids: Sequence[int]) -> Select:
    link = EvaluationDatasetUse
    return select(link.dataset_id).where(link.experiment_id.in_(experiment_ids))


def page(
    session: Session,
    workspace_id: int,
    *,
    text: str = "",
    experiment: str = "",
    sort: str = "-updated",
    number: int = 1,
    size: int = 50,
) -> Page:
    order = ordering(sort, SORTS)
    found = _kept(workspace_id)
    if text:
        found = found.where(EvaluationDataset.name.icontains(text, autoescape=True))
    if experiment:
        named = select(EvaluationDatasetUse.dataset_id).join(Experiment).where(Experiment.name == experiment)
        found = found.where(EvaluationDataset.id.in_(named))
    return paginate(session, found.order_by(order, EvaluationDataset.id).options(*_WHOLE), number, size)


def records_after(session: Session, dataset: EvaluationDataset, after: int, count: int) -> Sequence[EvaluationRecord]:
    """In the order in which they came; `after` is the row id of the last one that is known."""
    found = select(EvaluationRecord).where(EvaluationRecord.dataset_id == dataset.id, EvaluationRecord.id > after)
    return session.scalars(found.order_by(EvaluationRecord.id).limit(count)).all()


def records_by_hash(session: Session, dataset: EvaluationDataset, hashes: Sequence[str]) -> dict[str, EvaluationRecord]:
    rows: dict[str, EvaluationRecord] = {}
    for start in range(0, len(hashes), 500):
        found = select(EvaluationRecord).where(
            EvaluationRecord.dataset_id == dataset.id, EvaluationRecord.input_hash.in_(hashes[start : start + 500])
        )
        rows |= {record.input_hash: record for record in session.scalars(found)}
    return rows


def records_page(session: Session, dataset: EvaluationDataset, *, text: str = "", number: int = 1, size: int = 50):
    """`text` is looked for in inputs, outputs, expectations and tags."""
    found = select(EvaluationRecord).where(EvaluationRecord.dataset_id == dataset.id)
    if text:
        held = EvaluationRecord.inputs, EvaluationRecord.outputs, EvaluationRecord.expectations, EvaluationRecord.tags
        found = found.where(or_(*[column.icontains(text, autoescape=True) for column in held]))
    total = None if text else dataset.record_count
    return paginate(session, found.order_by(EvaluationRecord.id), number, size, total=total)


def runs_of(session: Session, dataset: EvaluationDataset, count: int) -> Sequence[Job]:
    """The newest runs that say that they read the dataset, as `mlflow.genai.evaluate` does."""
    used = select(DatasetInput.job_id).join(Dataset).join(Experiment, Experiment.id == Dataset.experiment_id)
    used = used.where(Experiment.workspace_id == dataset.workspace_id, Dataset.name == dataset.name)
    used = used.where(Dataset.source_type == EVALUATION_DATASET, Dataset.source.contains(dataset.id, autoescape=True))
    found = select(Job).where(Job.workspace_id == dataset.workspace_id, Job.id.in_(used))
    return session.scalars(found.where(Job.lifecycle_stage == "active").order_by(Job.id.desc()).limit(count)).all()


def dataset_experiments(session: Session, workspace_id: int) -> Sequence[str]:
    """Names of the experiments that use a dataset."""
    return _names(session, workspace_id, select(EvaluationDatasetUse.experiment_id))


def scorer_experiments(session: Session, workspace_id: int) -> Sequence[str]:
    """Names of the experiments that have scorers."""
    return _names(session, workspace_id, select(Scorer.experiment_id))


def _names(session: Session, workspace_id: int, having: Select) -> Sequence[str]:
    found = select(Experiment.name).where(Experiment.workspace_id == workspace_id, Experiment.id.in_(having))
    return session.scalars(found.order_by(Experiment.name)).all()


def get_scorer(session: Session, experiment: Experiment, name: str, *, lock: bool = False) -> Scorer:
    found = select(Scorer).where(Scorer.experiment_id == experiment.id, Scorer.name == name)
    scorer = session.scalar(found.with_for_update() if lock else found)
    if scorer is None:
        raise _no_scorer(experiment, name)
    return scorer


def _no_scorer(experiment: Experiment, name: str, version: int | None = None) -> NotFound:
    which = f" and version {version}" if version is not None else ""
    return NotFound(f"Scorer with name '{name}'{which} not found for experiment {experiment.id}.", target="name")


def versions(
    session: Session, experiment: Experiment, name: str, version: int | None = None
) -> Sequence[ScorerVersion]:
    """All versions of a scorer, oldest first, or the one that is named; raises NotFound where there is none."""
    scorer = get_scorer(session, experiment, name)
    found = select(ScorerVersion).where(ScorerVersion.scorer_id == scorer.id).order_by(ScorerVersion.version)
    if version is not None:
        found = found.where(ScorerVersion.version == version)
    rows = session.scalars(found.options(joinedload(ScorerVersion.scorer))).all()
    if not rows:
        raise _no_scorer(experiment, name, version)
    return rows


def _newest() -> Select:
    """The newest version of each scorer."""
    last = select(ScorerVersion.scorer_id, func.max(ScorerVersion.version).label("version"))
    newest = last.group_by(ScorerVersion.scorer_id).subquery()
    found = select(ScorerVersion).join(Scorer).join(Experiment)
    same = (ScorerVersion.scorer_id == newest.c.scorer_id) & (ScorerVersion.version == newest.c.version)
    return found.join(newest, same).options(joinedload(ScorerVersion.scorer).joinedload(Scorer.experiment))


def newest_versions(
    session: Session, workspace_id: int, experiment_ids: Sequence[int] | None
) -> Sequence[ScorerVersion]:
    """Of the active experiments among those named, or of all active ones."""
    found = _newest().where(Experiment.workspace_id == workspace_id, Experiment.lifecycle_stage == "active")
    if experiment_ids is not None:
        found = found.where(Scorer.experiment_id.in_(experiment_ids))
    return session.scalars(found.order_by(Scorer.experiment_id, Scorer.name)).all()


def scorers_page(
    session: Session, workspace_id: int, *, text: str = "", experiment: str = "", number: int = 1, size: int = 50
) -> Page:
    """Newest versions, by experiment and name."""
    found = _newest().where(Experiment.workspace_id == workspace_id)
    if text:
        found = found.where(Scorer.name.icontains(text, autoescape=True))
    if experiment:
        found = found.where(Experiment.name == experiment)
    return paginate(session, found.order_by(Experiment.name, Scorer.name), number, size)


def get_scorer_by_id(session: Session, workspace_id: int, scorer_id: str) -> Scorer:
    found = select(Scorer).join(Experiment).where(Experiment.workspace_id == workspace_id, Scorer.id == scorer_id)
    scorer = session.scalar(found.options(joinedload(Scorer.experiment)))
    if scorer is None:
        raise NotFound(f"There is no scorer {scorer_id!r} in this workspace.", target="scorer_id")
    return scorer


def with_online_settings(session: Session, workspace_id: int, scorer_ids: Sequence[str]) -> Sequence[Scorer]:
    found = select(Scorer).join(Experiment).where(Experiment.workspace_id == workspace_id)
    return session.scalars(found.where(Scorer.id.in_(scorer_ids), Scorer.online_id.is_not(None))).all()
