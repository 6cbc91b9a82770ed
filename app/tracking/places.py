"""Where the files that a run left lie: its artifacts, its outputs, and the models that it logged."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.jobs.places import output_key
from app.jobs.tables import Job
from app.kit.storage import store
from app.tracking import artifacts, logged_models

ARTIFACTS = "artifacts"


@dataclass(frozen=True)
class Root:
    """A folder of a run. `id` is how pages name it, `address` how a client does."""

    id: str
    label: str
    key: str
    address: str


@dataclass(frozen=True)
class Candidate:
    """What may be registered as a model; `type` is Azure's."""

    label: str
    address: str
    type: str


def roots(session: Session, job: Job) -> list[Root]:
    """The run's folders, those that are empty included."""
    found = [Root(ARTIFACTS, "Artifacts", artifacts.run_key(job), f"runs:/{job.name}")]
    for port in job.outputs:
        address = f"azureml://jobs/{job.name}/outputs/{port}"
        found.append(Root(f"output:{port}", f"Output {port}", output_key(job, port), address))
    for model in logged_models.of_job(session, job):
        key = artifacts.model_key(model)
        found.append(Root(f"model:{model.id}", f"Model {model.name}", key, f"models:/{model.id}"))
    return found


def root(session: Session, job: Job, id: str) -> Root:
    known = {found.id: found for found in roots(session, job)}
    if id not in known:
        raise NotFound(f"root: job {job.name} has no files {id!r}; it has {', '.join(known)}.", target="root")
    return known[id]


def candidates(session: Session, job: Job) -> list[Candidate]:
    """What of a run may become a registered model, the likeliest first."""
    found = []
    for place in roots(session, job):
        entries = store().list(place.key)
        if any(entry.path == "MLmodel" for entry in entries):
            found.append(Candidate(place.label, place.address, "mlflow_model"))
        elif place.id == ARTIFACTS:
            found += _below(place, [entry.path for entry in entries if entry.is_folder])
        elif entries:
            declared = (job.outputs.get(place.id.removeprefix("output:")) or {}).get("type", "")
            found.append(Candidate(place.label, place.address, declared if "model" in declared else "custom_model"))
    return sorted(found, key=lambda candidate: candidate.type != "mlflow_model")


def _below(place: Root, folders: list[str]) -> list[Candidate]:
    return [
        Candidate(f"Artifact {folder}", f"{place.address}/{folder}", "mlflow_model")
        for folder in folders
        if store().size(f"{place.key}/{folder}/MLmodel") is not None
    ]
