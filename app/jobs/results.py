"""What a job leaves behind: its outputs, stored and, where its file names them, registered as assets."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.assets.addresses import stored_address
from app.data import service as data
from app.data.events import OutputTaken
from app.database import reading
from app.errors import AtelierError
from app.jobs import moves, output_places, places
from app.jobs.events import OutputNamed
from app.jobs.inputs import MODEL_TYPES
from app.jobs.lifecycle import Status
from app.jobs.tables import Job, JobAsset
from app.kit.events import publish
from app.kit.storage import store

# Azure ML uploads these folders of the working directory by themselves.
KEPT_FOLDERS = ("outputs", "logs")


@dataclass(frozen=True)
class Written:
    """The outputs in which there is something; `digests` are of the content of all, where others may wait for it."""

    ports: list[str]
    digests: dict[str, str]


def collect(job_id: int, outputs: Path, work: Path) -> Written:
    """Store what lies in the output folders. No transaction is open."""
    with reading() as session:
        job = session.get_one(Job, job_id)
        ports, kept, is_step = list(job.outputs), places.artifact_key(job), job.parent_id is not None
        keys = {port: places.output_key(job, port) for port in ports}
        single = [port for port, output in job.outputs.items() if (output or {}).get("type") == "uri_file"]
        sent = output_places.of(session, job)
    written, digests = [], {}
    for port in ports:
        files = sorted(path for path in (outputs / port).rglob("*") if path.is_file())
        if is_step:
            digests[port] = _digest(outputs / port, files)
        if files:
            store().upload(keys[port], outputs / port)
            if port in sent:
                file = outputs / port / port
                output_places.send(*sent[port], file if port in single and file.is_file() else outputs / port)
            written.append(port)
    for name in KEPT_FOLDERS:
        if (work / name).is_dir():
            store().upload(f"{kept}/{name}", work / name)
    return Written(written, digests)


def _digest(folder: Path, files: list[Path]) -> str:
    """SHA-256 over the relative paths and contents of the files of a folder."""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        found.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return found.hexdigest()


def keep(session: Session, job: Job, written: Written) -> None:
    """Write down what was collected, and register what the job's file names as assets."""
    if written.digests:
        job.outputs = {port: {**value, "digest": written.digests[port]} for port, value in job.outputs.items()}
        session.flush()
    register(session, job, written.ports)


def complete(session: Session, job: Job) -> None:
    """End a job whose outputs its children wrote; it fails where they cannot be the assets that its file names."""
    written = [port for port in job.outputs if store().list(places.output_key(job, port))]
    try:
        with session.begin_nested():
            register(session, job, written)
    except AtelierError as error:
        moves.fail(session, job, error.message)
    else:
        moves.move(session, job, Status.COMPLETED, error=None)


def register(session: Session, job: Job, written: list[str]) -> None:
    """Turn named outputs into versions of assets."""
    for port in written:
        output = job.outputs[port]
        if not output.get("name"):
            continue
        name, version = output["name"], output.get("version")
        if output["type"] in MODEL_TYPES:
            key = places.output_key(job, port)
            publish(session, OutputNamed(job.id, port, output["type"], key, name, version))
        else:
            _register_data(session, job, port, output)


def _register_data(session: Session, job: Job, port: str, output: dict) -> None:
    path = places.output_path(job, port)
    key = places.output_key(job, port)
    files = list(store().walk(key))
    if output["type"] == "uri_file" and len(files) == 1:
        path = f"{path}/{files[0].path}"
    made = data.register(
        session,
        job.workspace_id,
        output["name"],
        output["type"],
        stored_address(path),
        version=output.get("version"),
        created_by=job.created_by,
        job_id=job.id,
    )
    link(session, job, "output", port, "data", made.asset.name, made.version)


def link_environment(session: Session, job: Job) -> None:
    """Note which registered environment a job runs in."""
    if asset := (job.environment or {}).get("asset"):
        link(session, job, "source", "environment", "environment", asset["name"], asset["version"])


def link(session: Session, job: Job, direction: str, port: str, kind: str, name: str, version: str) -> None:
    """Note an edge of the lineage."""
    session.merge(
        JobAsset(job_id=job.id, direction=direction, port=port, kind=kind, asset_name=name, asset_version=version)
    )


def on_output_taken(session: Session, event: OutputTaken) -> None:
    """A second asset of the same output stands beside the first in the lineage."""
    place = (event.job_id, "output", event.output)
    known = session.get(JobAsset, place)
    port = f"{event.output} ({event.name}:{event.version})" if known else event.output
    link(session, session.get_one(Job, event.job_id), "output", port, "data", event.name, event.version)
