"""The files of runs and logged models: where they lie, who may write them, what is there."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.database import reading
from app.errors import Invalid, NotFound
from app.experiments.tables import Filed
from app.jobs.places import artifact_key
from app.jobs.tables import Job
from app.kit.storage import safe_key, store
from app.tracking import logged_models, runs
from app.tracking.tables import LoggedModel

SCHEME = "mlflow-artifacts:/"
REGISTERED = "models/"


@dataclass(frozen=True)
class Place:
    """Where an artifact path of MLflow's proxy leads: `key` in the store, and whose it is."""

    key: str
    run: str | None
    model: str | None


def custom_location(location: str) -> str | None:
    """Where an experiment's artifacts lie if not with the server: clients then write there themselves."""
    return None if not location or location.startswith("mlflow-artifacts:") else location.rstrip("/")


def root_uri(owner: Filed) -> str:
    """Where the files of an experiment lie for clients: that under which `owner` was logged, wherever it is now."""
    location = owner.files_location if owner.files_experiment_id else owner.experiment.artifact_location
    return location or f"{SCHEME}{owner.files_folder}"


def run_uri(job: Job) -> str:
    return f"{root_uri(job)}/{job.name}/artifacts"


def uri_of_run(location: str | None, files_folder: int, run: str) -> str:
    """`location` is where the experiment's artifacts lie, if not with the server."""
    return f"{location or f'{SCHEME}{files_folder}'}/{run}/artifacts"


def run_key(job: Job) -> str:
    return artifact_key(job)


def model_uri(model: LoggedModel) -> str:
    return f"{root_uri(model)}/models/{model.id}/artifacts"


def model_key(model: LoggedModel) -> str:
    return f"{tracking_key(model.workspace_id)}/{model.files_folder}/models/{model.id}/artifacts"


def tracking_key(workspace_id: int) -> str:
    return f"workspaces/{workspace_id}/tracking"


def place(workspace_id: int, path: str) -> Place:
    """`EXPERIMENT/RUN/artifacts/…` or `EXPERIMENT/models/MODEL/artifacts/…` in a workspace's store."""
    key = safe_key(path)
    parts = key.split("/")
    if len(parts) > 3 and parts[1] == "models" and parts[3] == "artifacts":
        return Place(f"{tracking_key(workspace_id)}/{key}", None, parts[2])
    if len(parts) > 2 and parts[2] == "artifacts":
        return Place(f"{tracking_key(workspace_id)}/{key}", parts[1], None)
    raise Invalid(
        f"The artifact path {path!r} leads to no run or model; it has the form EXPERIMENT/RUN/artifacts/… or "
        "EXPERIMENT/models/MODEL/artifacts/…",
        target="path",
    )


def writable_key(session: Session, caller: Caller, path: str) -> str:
    """The storage key of a path that the caller may write; raises NotFound when its run or model does not exist."""
    found = place(caller.workspace.id, path)
    if found.model:
        owner = logged_models.get_writable(session, caller, found.model)
        root = model_key(owner)
    else:
        owner = runs.get_writable(session, caller, found.run)
        root = run_key(owner)
    if not f"{found.key}/".startswith(f"{root}/"):
        raise NotFound(f"There is nothing at the artifact path {path!r}.", target="path")
    return found.key


def open_to_write(caller: Caller, path: str) -> str:
    """`writable_key` with a session of its own, so that none is open while a file comes in."""
    with reading() as session:
        return writable_key(session, caller, path)


def readable_key(workspace_id: int, path: str) -> str:
    """Below `models/` lie the registered models' own copies, beside the files of runs and logged models."""
    key = safe_key(path)
    if key.startswith(REGISTERED):
        return f"workspaces/{workspace_id}/{key}"
    return safe_key(tracking_key(workspace_id), key)


def entries(root: str, path: str = "") -> list[dict]:
    """What lies directly below `path`, as MLflow's FileInfo with paths relative to `root`."""
    below = safe_key(path)
    prefix = f"{below}/" if below else ""
    return [
        {"path": prefix + entry.path, "is_dir": True}
        if entry.is_folder
        else {"path": prefix + entry.path, "is_dir": False, "file_size": entry.size}
        for entry in store().list(safe_key(root, below))
    ]
