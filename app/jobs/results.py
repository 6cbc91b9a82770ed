"""What a job leaves behind: its outputs, stored and, where its file names them, registered as assets."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.assets.addresses import stored_address
from app.data import service as data
from app.database import reading
from app.jobs import places
from app.jobs.events import OutputNamed
from app.jobs.inputs import MODEL_TYPES
from app.jobs.tables import Job, JobAsset
from app.kit.events import publish
from app.kit.storage import store

# Azure ML uploads these folders of the working directory by themselves.
KEPT_FOLDERS = ("outputs", "logs")


def collect(job_id: int, outputs: Path, work: Path) -> list[str]:
    """Store what lies in the output folders; returns the ports that were written. No transaction is open."""
    with reading() as session:
        job = session.get_one(Job, job_id)
        ports, kept = list(job.outputs), places.artifact_key(job)
        keys = {port: places.output_key(job, port) for port in ports}
    written = []
    for port in ports:
        files = [path for path in (outputs / port).rglob("*") if path.is_file()]
        if files:
            store().upload(keys[port], outputs / port)
            written.append(port)
    for name in KEPT_FOLDERS:
        if (work / name).is_dir():
            store().upload(f"{kept}/{name}", work / name)
    return written


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


def link(session: Session, job: Job, direction: str, port: str, kind: str, name: str, version: str) -> None:
    """Note an edge of the lineage."""
    session.merge(
        JobAsset(job_id=job.id, direction=direction, port=port, kind=kind, asset_name=name, asset_version=version)
    )
