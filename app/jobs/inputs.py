"""Finds what a job's inputs and code name, when it is submitted, so that a later version changes nothing."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assets import addresses
from app.assets.addresses import AssetVersion, Elsewhere, InDatastore, JobOutput, LoggedModelFiles, RunArtifact, Stored
from app.data import queries as data
from app.datastores import service as datastores
from app.errors import Invalid, NotFound
from app.jobs import git_code
from app.jobs.output_places import NAME
from app.jobs.places import holds_artifacts, output_key
from app.jobs.tables import Job
from app.kit.storage import safe_key, store
from app.registries import queries as registries

MODEL_TYPES = ("mlflow_model", "custom_model", "triton_model")

FindModel = Callable[[Session, int, AssetVersion], dict]
FindFiles = Callable[[Session, int, str], dict]
_find_model: FindModel
_find_files: FindFiles


def connect(find_model: FindModel, find_files: FindFiles) -> None:
    """Say how registered models and the files of runs are found: their domains lie above jobs."""
    global _find_model, _find_files
    _find_model, _find_files = find_model, find_files


def resolve(session: Session, workspace_id: int, name: str, type: str, path: str) -> dict:
    """`{"key": storage key}` or `{"url": …}`, and `asset` where one is meant.

    Raises NotFound or Invalid that names the input.
    """
    address = addresses.parse(path, f"inputs.{name}.path")
    try:
        return _resolve(session, workspace_id, type, path, address, f"inputs.{name}.path")
    except NotFound as error:
        raise NotFound(f"inputs.{name}.path: {error.message}", target=f"inputs.{name}.path") from error


def _resolve(session: Session, workspace_id: int, type: str, text: str, address: addresses.Address, field: str) -> dict:
    match address:
        case Stored(path) if NAME.search(path) and not addresses.is_kept(path):
            # Nobody knows what lies there before the job has a name.
            return {"key": f"workspaces/{workspace_id}/{safe_key(path)}"}
        case Stored(path) | JobOutput(path) if NAME.search(path):
            raise Invalid(
                f"{field}: {text!r} is in a folder that the server keeps for itself, so that no job writes there; take "
                "another one here and in the output, such as paths/results/${{name}}.",
                target=field,
            )
        case Stored(path):
            return _existing(f"workspaces/{workspace_id}/{safe_key(path)}", address.path)
        case JobOutput(job, output, path):
            found = _job(session, workspace_id, job)
            if holds_artifacts(found, output):
                return _find_files(session, workspace_id, f"runs:/{job}/{path.rstrip('/')}")
            there = _existing(safe_key(output_key(found, output), path), f"jobs/{job}/outputs/{output}") | {"job": job}
            digest = (found.outputs.get(output) or {}).get("digest")
            return there | ({"digest": digest} if digest and not path else {})
        case RunArtifact() | LoggedModelFiles():
            return _find_files(session, workspace_id, text)
        case Elsewhere(url):
            return _elsewhere(session, workspace_id, url, field)
        case InDatastore():
            return datastores.find_place(session, workspace_id, address, field)
        case AssetVersion() if address.kind == "models" or type in MODEL_TYPES:
            return _of_registry(
                _find_model(session, registries.home_of(session, workspace_id, address), address), address
            )
        case AssetVersion(name, version, label, _):
            home = registries.home_of(session, workspace_id, address)
            found = data.get_version(session, home, name, version, label)
            return _of_registry(_data(session, home, found, field), address)
    raise Invalid(f"{address} cannot be an input of a job.", target="inputs")


def _of_registry(found: dict, address: AssetVersion) -> dict:
    """The lineage tells an asset of a registry from one of the workspace that has the same name."""
    if not address.registry:
        return found
    asset = found["asset"]
    return found | {"asset": asset | {"name": f"registries/{address.registry}/{asset['name']}"}}


def _data(session: Session, workspace_id: int, version, field: str) -> dict:
    asset = {"kind": "data", "name": version.asset.name, "version": version.version, "type": version.asset.type}
    address = addresses.parse(version.path)
    if isinstance(address, Elsewhere):
        return _elsewhere(session, workspace_id, address.url, field) | {"asset": asset}
    if isinstance(address, InDatastore):
        return datastores.find_place(session, workspace_id, address, field) | {"asset": asset}
    return {"key": f"workspaces/{workspace_id}/{safe_key(address.path)}", "asset": asset}


def _elsewhere(session: Session, workspace_id: int, url: str, field: str) -> dict:
    """Read with the credentials of a datastore, where the workspace has one of the container that the URL leads to."""
    if address := datastores.behind(session, workspace_id, url, field):
        return datastores.find_place(session, workspace_id, address, field)
    return {"url": datastores.public_address(url)}


def _job(session: Session, workspace_id: int, name: str) -> Job:
    job = session.scalar(select(Job).where(Job.workspace_id == workspace_id, Job.name == name))
    if job is None:
        raise NotFound(f"there is no job {name!r}.")
    return job


def _existing(key: str, shown: str) -> dict:
    if store().size(key) is None and not store().list(key):
        raise NotFound(f"there is nothing at {shown}.")
    return {"key": key}


def code_key(workspace_id: int, reference: str) -> str | None:
    """Where uploaded code lies in the store, None for a repository, which is fetched when the job starts.

    Raises Invalid or NotFound that names `code`.
    """
    if git_code.is_git(reference):
        git_code.parse(reference)
        return None
    address = addresses.parse(reference, "code")
    if not isinstance(address, Stored):
        raise Invalid(
            f"code: {reference!r} is not an uploaded folder. Upload it to /api/uploads and give its address.",
            target="code",
        )
    key = f"workspaces/{workspace_id}/{safe_key(address.path)}"
    if not store().list(key) and store().size(key) is None:
        raise NotFound(f"code: there is nothing at {reference}.", target="code")
    return key
