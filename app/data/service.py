"""Everything that changes a data asset."""

from collections.abc import Callable
from itertools import islice

from sqlalchemy.orm import Session

from app.assets.addresses import Elsewhere, InDatastore, JobOutput, RunArtifact, Stored, parse, stored_address
from app.assets.names import check_name
from app.data.events import OutputTaken
from app.data.queries import DATA
from app.data.tables import DataVersion
from app.datastores import service as datastores
from app.errors import Invalid, NotFound
from app.kit.events import publish
from app.kit.storage import store
from app.settings import PROJECT
from app.workspaces.events import WorkspaceCreated

FindLeft = Callable[[Session, int, str], tuple[str, int | None]]
_find_left: FindLeft
TYPES = ("uri_file", "uri_folder", "mltable")
SAMPLE = PROJECT / "examples" / "digits" / "digits.csv"


def connect(find_left: FindLeft) -> None:
    """Say how the storage key and the job of what a job left are found: jobs and runs lie above data."""
    global _find_left
    _find_left = find_left


def workspace_key(workspace_id: int, path: str) -> str:
    """The storage key of a path in a workspace's store."""
    return f"workspaces/{workspace_id}/{path}"


def register(
    session: Session,
    workspace_id: int,
    name: str,
    type: str,
    path: str,
    *,
    created_by: str,
    version: str | None = None,
    description: str = "",
    tags: dict | None = None,
    properties: dict | None = None,
    job_id: int | None = None,
    is_filled: bool = True,
) -> DataVersion:
    """A new version of a data asset, which is made if there is none of that name.

    `path` is `azureml://datastores/…`, a URL, or what a job left: `azureml://jobs/JOB/outputs/NAME`, `runs:/RUN/PATH`.
    Raises NotFound when nothing is stored there and the asset `is_filled`.
    """
    check_name(name)
    if type not in TYPES:
        raise Invalid(f"type: {type!r} is no data type. It is one of {', '.join(TYPES)}.", target="type")
    address = parse(path)
    left = isinstance(address, JobOutput | RunArtifact)
    if left:
        key, job_id = _find_left(session, workspace_id, path)
        path = stored_address(_place(key, type).removeprefix(workspace_key(workspace_id, "")))
    files, size = _measure(session, workspace_id, path, type, is_filled=is_filled)
    asset = DATA.find(session, workspace_id, name)
    if asset is not None and asset.type != type:
        raise Invalid(f"type: data asset {name!r} is a {asset.type}; its versions cannot be {type}.", target="type")
    made = DATA.add(
        session,
        workspace_id,
        name,
        version or None,
        asset={"type": type},
        path=path,
        description=description,
        tags=tags or {},
        properties=properties or {},
        file_count=files,
        size_bytes=size,
        job_id=job_id,
        created_by=created_by,
    )
    if left and job_id:
        output = address.output if isinstance(address, JobOutput) else "artifacts"
        publish(session, OutputTaken(job_id, output, name, made.version))
    return made


def _place(key: str, type: str) -> str:
    """An output that is a file lies in a folder of its own."""
    key = key.rstrip("/")
    files = list(islice(store().walk(key), 2)) if type == "uri_file" and store().size(key) is None else []
    return f"{key}/{files[0].path}" if len(files) == 1 else key


def _measure(session: Session, workspace_id: int, path: str, type: str, *, is_filled: bool) -> tuple[int, int]:
    """Files and bytes of what the workspace keeps; what lies elsewhere is looked at by the jobs that use it."""
    address = parse(path)
    if isinstance(address, InDatastore):
        datastores.get(session, workspace_id, address.datastore, "path")
        return 0, 0
    if isinstance(address, Elsewhere):
        return 0, 0
    if not isinstance(address, Stored):
        raise Invalid(
            f"path: {path!r} must be an azureml://datastores/… address, azureml://jobs/JOB/outputs/NAME or a URL.",
            target="path",
        )
    key = workspace_key(workspace_id, address.path)
    if type == "uri_file" and store().size(key) is None:
        raise NotFound(f"path: there is no file at {path}.", target="path")
    files, size = store().total_size(key)
    if not files and is_filled:
        raise NotFound(f"path: there is nothing at {path}.", target="path")
    return files, size


def change(
    session: Session, version: DataVersion, description: str | None = None, tags: dict | None = None
) -> DataVersion:
    if description is not None:
        version.description = description
    if tags is not None:
        version.tags = tags
    return version


def on_workspace_created(session: Session, event: WorkspaceCreated) -> None:
    """Every workspace starts with scikit-learn's digits, 1,797 images of 8 × 8 pixels, as a table."""
    if not SAMPLE.is_file():
        return
    path = "data/digits/1/digits.csv"
    store().upload(workspace_key(event.workspace_id, path), SAMPLE)
    register(
        session,
        event.workspace_id,
        "digits",
        "uri_file",
        stored_address(path),
        created_by=event.created_by,
        description="Handwritten digits: 64 grey values (0 to 16) and the digit in `target`. From scikit-learn.",
        tags={"example": "true"},
    )
