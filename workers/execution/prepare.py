"""What a job needs before it can start: its environment, code and inputs."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
from sqlalchemy.orm import Session

from app.access import queries as access_queries
from app.access import service as access
from app.compute.tables import JobNode
from app.connections import references
from app.database import reading
from app.datastores import service as datastores
from app.datastores.stores import Place, check_reachable, open_files, reaching
from app.errors import AtelierError, NotFound, Unavailable
from app.jobs import git_code, places
from app.jobs.output_places import filled_input
from app.jobs.results import KEPT_FOLDERS
from app.jobs.tables import Job
from app.kit.clock import now
from app.kit.storage import Files, store
from app.settings import Settings
from workers.containers.images import Image
from workers.execution import environments, repositories
from workers.execution.folder import JobFolder
from workers.execution.guest import landlock


@dataclass
class Plan:
    """Everything about a job that the worker needs, read once."""

    job_id: int
    name: str
    workspace_id: int
    workspace: str
    experiment_id: int
    experiment: str
    command: str
    code: str | None
    environment: dict | None
    inputs: dict
    outputs: dict
    spec: dict
    timeout_seconds: float | None
    token: str = field(repr=False)
    log_key: str = ""
    system_log_key: str = ""
    first_start: datetime | None = None
    attempt: int = 1
    rank: int = 0
    instances: int = 1
    devices: list[int] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, session: Session, job: Job, settings: Settings, rank: int = 0) -> "Plan":
        """Reads a job that was just claimed, or one of its further instances, and mints the token of its run."""
        node = session.get(JobNode, (job.id, rank)) if rank else None
        suffix = f"_{rank}" if rank else ""
        user = access_queries.get_user(session, job.created_by)
        return cls(
            job.id,
            job.name,
            job.workspace_id,
            job.workspace.name,
            job.experiment_id,
            job.experiment.name,
            job.command or "",
            job.code,
            job.environment,
            job.inputs,
            job.outputs,
            job.spec or {},
            job.timeout_seconds,
            token=access.create_run_token(session, user, job.name, job.workspace_id),
            log_key=places.log_key(job, places.USER_LOG.replace(".txt", f"{suffix}.txt")),
            system_log_key=places.log_key(job, places.SYSTEM_LOG.replace(".txt", f"{suffix}.txt")),
            first_start=job.started_at,
            attempt=job.attempt,
            rank=rank,
            instances=job.instances,
            devices=(node.devices if node else job.devices) or [],
        )

    def started(self) -> datetime:
        self.first_start = self.first_start or now()
        return self.first_start


def prepare(node, held, plan: Plan, folder: JobFolder, system_log) -> Path | Image:
    """Lay out the job's folder; returns the interpreter of its environment, or the container image it runs in."""
    with reading() as session:
        plan.variables = references.fill(session, plan.workspace_id, plan.spec.get("environment_variables", {}))
    found = environments.ready(node, held, plan, system_log)
    if not plan.code and git_code.is_git(plan.spec.get("code")):
        system_log.write(f"Code: {plan.spec['code']}")
        keeps = plan.job_id if plan.rank == 0 else None
        plan.code = repositories.fetch(keeps, plan.workspace_id, plan.spec["code"], node.settings.home.resolve())
    if plan.code:
        system_log.write("Fetching the code")
        store().download(plan.code, folder.work)
    # As in Azure ML, whose jobs write into them without making them.
    for name in KEPT_FOLDERS:
        if not (folder.work / name).exists():
            (folder.work / name).mkdir()
    plan.inputs = {name: filled_input(port, plan.name) for name, port in plan.inputs.items()}
    for name, port in plan.inputs.items():
        if "value" not in port and not held.must_stop:
            system_log.write(f"Input {name}: {_shown(port['path'])}")
            port["local"] = str(_fetch(name, port, folder, plan.workspace_id))
    for name in plan.outputs:
        (folder.outputs / name).mkdir(exist_ok=True)
    return found


def _fetch(name: str, port: dict, folder: JobFolder, workspace_id: int) -> Path:
    """Where an input can be read: in place where that is safe and cheap, else a copy."""
    target = folder.inputs / name
    if "url" in port:
        blobs = datastores.public_blobs(port["url"]) if port["type"] != "uri_file" else None
        return _copied(name, *blobs, port, target) if blobs else _download(port["url"], target, name)
    if "datastore" in port:
        return _fetch_elsewhere(name, port, target, workspace_id)
    return _fetch_from(store(), port["key"], port, target)


def _fetch_from(files: Files, key: str, port: dict, target: Path) -> Path:
    in_place = files.local_path(key)
    if in_place and port.get("mode") != "download" and landlock.available():
        return in_place
    if files.size(key) is not None:
        target = target / Path(key).name
    files.download(key, target)
    return target


def _fetch_elsewhere(name: str, port: dict, target: Path, workspace_id: int) -> Path:
    """From a datastore, whatever its own client says when it fails."""
    field = f"inputs.{name}"
    with reading() as session:
        found = datastores.get(session, workspace_id, port["datastore"], field)
        check_reachable(found, field)
        place = Place.of(found)
    return _copied(name, open_files(place), port["file"], port, target)


def _copied(name: str, files: Files, key: str, port: dict, target: Path) -> Path:
    field = f"inputs.{name}"
    try:
        with reaching(_shown(port["path"])):
            fetched = _fetch_from(files, key, port, target)
        if fetched.is_dir() and not any(fetched.iterdir()):
            raise NotFound(f"there is nothing at {_shown(port['path'])}, or nobody may list it.")
        return fetched
    except AtelierError as error:
        raise Unavailable(f"{field}: {error.message}", target=field) from error


def _download(url: str, folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (Path(httpx.URL(url).path).name or name)
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as answer, target.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                file.write(chunk)
    except httpx.HTTPError as error:
        # The client's own words end with the address, signature and all.
        reason = str(error).partition(" for url ")[0]
        field = f"inputs.{name}"
        raise Unavailable(f"{field}: {_shown(url)} could not be fetched: {reason}", target=field) from error
    return target


def _shown(address: str) -> str:
    """Without what follows `?`: a signature there opens the files to whoever reads it."""
    return address.partition("?")[0]
