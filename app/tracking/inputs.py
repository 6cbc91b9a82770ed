"""What a run read and made, as MLflow tells it: datasets and logged models."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import Invalid
from app.jobs.tables import JobTag
from app.tracking import logged_models
from app.tracking.runs import RunRef
from app.tracking.tables import Dataset, DatasetInput, RunModel

CONTEXT = "mlflow.data.context"
EVALUATION_DATASET = "mlflow_evaluation_dataset"
"""How MLflow calls an evaluation dataset among the inputs of a run."""
HISTORY = "mlflow.log-model.history"
LONGEST = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}


@dataclass(frozen=True)
class DatasetRead:
    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


def log_datasets(session: Session, run: RunRef, read: Sequence[DatasetRead]) -> None:
    for found in read:
        for name, longest in LONGEST.items():
            if len(getattr(found, name) or "") > longest:
                raise Invalid(f"datasets: {name} exceeds the maximum length of {longest}.", target="datasets")
        dataset = _dataset(session, run.experiment_id, found)
        context = found.tags.get(CONTEXT)
        session.merge(DatasetInput(job_id=run.id, dataset_id=dataset.id, context=context, tags=found.tags))
    session.flush()


def _dataset(session: Session, experiment_id: int, found: DatasetRead) -> Dataset:
    known = session.scalar(
        select(Dataset).where(
            Dataset.experiment_id == experiment_id, Dataset.name == found.name, Dataset.digest == found.digest
        )
    )
    if known is None:
        known = Dataset(
            experiment_id=experiment_id,
            name=found.name,
            digest=found.digest,
            source_type=found.source_type,
            source=found.source,
            schema=found.schema,
            profile=found.profile,
        )
        session.add(known)
        session.flush()
    return known


def evaluation_dataset(dataset: Dataset) -> str | None:
    """Which evaluation dataset it is, where its source says so, as MLflow's EvaluationDatasetSource does."""
    if dataset.source_type != EVALUATION_DATASET:
        return None
    try:
        source = json.loads(dataset.source)
    except ValueError:
        return None
    return str(source.get("dataset_id") or "") or None if isinstance(source, dict) else None


def log_models(session: Session, caller: Caller, run: RunRef, direction: str, models: dict[str, int]) -> None:
    """`models` says for each logged model at which step it was read or made."""
    for model_id, step in models.items():
        logged_models.get(session, caller.workspace.id, model_id)
        session.merge(RunModel(job_id=run.id, direction=direction, model_id=model_id, step=step))
    session.flush()


def note_model(session: Session, run: RunRef, model: dict) -> None:
    """Add a model to the run's history of logged models, where clients before MLflow 3 look for it."""
    tag = session.get(JobTag, (run.id, HISTORY))
    history = json.loads(tag.value) if tag else []
    session.merge(JobTag(job_id=run.id, key=HISTORY, value=json.dumps([*history, model])))
    session.flush()
