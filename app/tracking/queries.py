"""Reads of what runs logged, for many runs at once."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.tables import Job, JobTag
from app.kit import id_lists
from app.tracking import metrics
from app.tracking.metrics import Latest
from app.tracking.tables import Dataset, DatasetInput, Param, RunModel

_AT_ONCE = 1000


def _pieces(job_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """SQLite takes a limited number of parameters."""
    for first in range(0, len(job_ids), _AT_ONCE):
        yield job_ids[first : first + _AT_ONCE]


def params(session: Session, job: Job) -> dict[str, str]:
    return dict(params_of(session, [job.id]).get(job.id, []))


def params_of(session: Session, job_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _pairs_of(session, Param, job_ids)


def tags_of(session: Session, job_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _pairs_of(session, JobTag, job_ids)


def _pairs_of(session: Session, table: type, job_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    pairs: dict[int, list[tuple[str, str]]] = {}
    for job_id, key, value in id_lists.plain_rows(session, _PAIRS[table], job_ids):
        pairs.setdefault(job_id, []).append((key, value))
    return pairs


def metrics_of(session: Session, job_ids: Sequence[int]) -> dict[int, list[Latest]]:
    return metrics.latest(session, job_ids)


def latest_metrics(session: Session, job: Job) -> list[Latest]:
    return metrics.latest(session, [job.id]).get(job.id, [])


def inputs_of(session: Session, job_ids: Sequence[int]) -> dict[int, list[DatasetInput]]:
    found: dict[int, list[DatasetInput]] = {}
    for piece in _pieces(_with_any(session, DatasetInput, job_ids)):
        rows = session.scalars(select(DatasetInput).where(DatasetInput.job_id.in_(piece)))
        for row in rows:
            found.setdefault(row.job_id, []).append(row)
    return found


def models_of(session: Session, job_ids: Sequence[int]) -> dict[int, list[RunModel]]:
    found: dict[int, list[RunModel]] = {}
    for piece in _pieces(_with_any(session, RunModel, job_ids)):
        for row in session.scalars(select(RunModel).where(RunModel.job_id.in_(piece))):
            found.setdefault(row.job_id, []).append(row)
    return found


def _with_any(session: Session, table: type, job_ids: Sequence[int]) -> list[int]:
    """Those of some runs that have a row in a table at all: most have none, and loading nothing costs as well."""
    return [job_id for (job_id,) in id_lists.plain_rows(session, _OWNERS[table], job_ids)]


def datasets(
    session: Session, experiment_ids: Sequence[int], count: int = 1000
) -> Sequence[tuple[Dataset, str | None]]:
    """The datasets that runs of some experiments read, each with its contexts."""
    found = (
        select(Dataset, DatasetInput.context)
        .outerjoin(DatasetInput, DatasetInput.dataset_id == Dataset.id)
        .where(Dataset.experiment_id.in_(experiment_ids))
        .distinct()
    )
    return session.execute(found.limit(count)).all()


_PAIRS = {
    table: select(table.job_id, table.key, table.value)
    .where(id_lists.is_in(table.job_id))
    .order_by(table.job_id, table.key)
    for table in (Param, JobTag)
}
_OWNERS = {
    table: select(table.job_id).where(id_lists.is_in(table.job_id)).distinct() for table in (DatasetInput, RunModel)
}
