"""Everything that changes a job. Pages, REST, dialects and workers all come through here."""

from collections.abc import Callable, Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.connections import references
from app.connections.permissions import SECRETS
from app.environments import engines, resolving
from app.errors import AlreadyExists, Conflict, Invalid
from app.experiments import service as experiments
from app.experiments.events import StageChanged
from app.jobs import discarding, inputs, moves, output_places, placing, queries
from app.jobs.components import read_job
from app.jobs.lifecycle import BEFORE_START, FINAL, Status
from app.jobs.moves import cancel, move, reopen
from app.jobs.places import folder_key
from app.jobs.results import link, link_environment
from app.jobs.specification import CommandJob, generate_name
from app.jobs.steps import check_datastore, found_input, found_steps
from app.jobs.tables import Job, JobTag
from app.kit.clock import now
from app.kit.outbox import enqueue, hint
from app.workspaces.events import WorkspaceCreated, WorkspaceDeleting

__all__ = ["cancel", "change", "check", "move", "reopen", "resubmit", "set_tags", "start", "submit"]

MOST_TAGS = 100
# Pages stand at these addresses, beside those of the jobs.
RESERVED = {"new", "events", "cancel", "archive", "examples", "compare", "bulk"}


def submit(
    session: Session, caller: Caller, yaml: str, uploads: dict[str, str] | None = None, file: str = "job.yml"
) -> Job:
    """Take in a job file and queue it; raises Invalid that says which field and line is wrong.

    `uploads` says where the file's local paths were uploaded to, and `file` how it is called.
    """
    spec = read_job(session, caller.workspace.id, yaml, uploads or {}, file)
    job = _new(session, caller, spec, yaml)
    if job.type == "pipeline":
        # Whoever clones the job has the files that its steps name.
        job.spec = {**job.spec, "uploads": dict(uploads or {})}
    start(session, job)
    return job


def check(
    session: Session, workspace_id: int, yaml: str, uploads: dict[str, str] | None = None, file: str = "job.yml"
) -> CommandJob:
    """The job of a file, with nothing submitted; raises what `submit` would raise about the file.

    `uploads` need not lie in the store yet.
    """
    uploads = uploads or {}
    spec = read_job(session, workspace_id, yaml, uploads, file)
    if spec.type != "pipeline" and _build_context(spec.environment) not in uploads.values():
        resolving.resolve(session, workspace_id, spec.environment)
    for port, value in spec.inputs.items():
        if value.path not in uploads.values():
            found_input(session, workspace_id, port, value)
    output_places.check(session, workspace_id, {port: value.to_dict() for port, value in spec.outputs.items()})
    return spec


def _build_context(environment: str | dict | None) -> str | None:
    build = environment.get("build") if isinstance(environment, dict) else None
    return build.get("path") if build else None


def start(session: Session, job: Job) -> None:
    """A sweep and a pipeline run at once, as it is their trials and steps that wait for a worker.

    What nothing here runs yet is kept.
    """
    if _has_automl(job.spec, job.type):
        return
    if job.type in ("sweep", "pipeline"):
        if job.type == "sweep":
            placing.apply(session, job)
        moves.move(session, job, Status.RUNNING, queued_at=now(), started_at=now())
        if job.type == "pipeline":
            enqueue(session, "pipelines.advance", job.id)
    else:
        moves.queue(session, job)


def _has_automl(spec: Mapping, type: str) -> bool:
    """Whether the job, or a step of it at any depth, is one of AutoML."""
    steps = spec.get("pipeline", {}).get("jobs", {}).values()
    return type == "automl" or any(_has_automl(step["job"], step["job"]["type"]) for step in steps)


def _new(session: Session, caller: Caller, spec: CommandJob, yaml: str) -> Job:
    workspace_id = caller.workspace.id
    name = spec.name or generate_name()
    if name.lower() in RESERVED:
        raise Invalid(f"name: {name!r} is the address of a page. Choose another name.", target="name")
    if queries.find(session, workspace_id, name):
        raise AlreadyExists(f"name: there is a job {name!r} already.", target="name")
    discarding.check_free(session, folder_key(workspace_id, name), "name")
    environment = None if spec.type == "pipeline" else resolving.resolve(session, workspace_id, spec.environment)
    experiment = experiments.get_or_create(session, workspace_id, spec.experiment_name or "Default")
    outputs = {port: value.to_dict() for port, value in spec.outputs.items()}
    output_places.check(session, workspace_id, outputs)
    ports = {port: found_input(session, workspace_id, port, value) for port, value in spec.inputs.items()}
    job = Job(
        workspace_id=workspace_id,
        experiment_id=experiment.id,
        name=name,
        display_name=spec.display_name or name,
        description=spec.description or "",
        created_by=caller.user.name,
        properties=dict(spec.properties),
        type=spec.type,
        spec=_found(session, workspace_id, spec),
        source_yaml=yaml,
        command=spec.command,
        code=inputs.code_key(workspace_id, spec.code) if spec.code else None,
        environment=environment,
        inputs=ports,
        outputs=outputs,
        warnings=[*spec.warnings, *engines.notes_of(session, environment)],
        timeout_seconds=spec.timeout_seconds,
        max_retries=spec.max_retries,
        parent_id=_parent(session, workspace_id, spec.parent_job_name),
        tags=[JobTag(key=key, value=str(value)) for key, value in spec.tags.items()],
    )
    _check_secrets(session, caller, job.spec)
    session.add(job)
    session.flush()
    for port, value in ports.items():
        if asset := value.get("asset"):
            link(session, job, "input", port, asset["kind"], asset["name"], asset["version"])
    if isinstance(spec.component, str):
        component, version = spec.component.removeprefix("azureml:").split(":")
        link(session, job, "source", "component", "component", component, version)
    link_environment(session, job)
    return job


def _check_secrets(session: Session, caller: Caller, spec: dict) -> None:
    """A job is handed of connections what it names, where whoever submits it may read that."""
    for field, variables in references.variables_of(spec):
        references.check(session, caller.workspace.id, variables, field, may=lambda: caller.can(SECRETS.name))


def _parent(session: Session, workspace_id: int, name: str | None) -> int | None:
    return queries.get(session, workspace_id, name).id if name else None


def _found(session: Session, workspace_id: int, spec: CommandJob) -> dict:
    """The normalised file, in which the steps of a pipeline know what they run."""
    found = spec.to_dict()
    if pipeline := found.get("pipeline"):
        check_datastore(session, workspace_id, pipeline["settings"])
        pipeline["jobs"] = found_steps(session, workspace_id, pipeline["jobs"])
    return found


def resubmit(
    session: Session,
    caller: Caller,
    job: Job,
    *,
    name: str | None = None,
    change: Callable[[Job], None] = lambda again: None,
) -> Job:
    """The same job once more: same code and inputs, a new name. `change` may alter it before it starts."""
    if not job.source_yaml:
        raise Conflict(f"Run {job.name} was logged from outside; there is no command to run again.", target=job.name)
    fields = (
        "experiment_id",
        "description",
        "type",
        "spec",
        "source_yaml",
        "command",
        "code",
        "environment",
        "inputs",
        "outputs",
        "warnings",
        "timeout_seconds",
        "max_retries",
        "parent_id",
        "workspace_id",
    )
    copied = {field: getattr(job, field) for field in fields}
    _check_secrets(session, caller, job.spec or {})
    if job.type in ("sweep", "pipeline"):
        copied["properties"] = job.spec.get("properties", {})
    name = name or generate_name()
    tags = [JobTag(key=tag.key, value=tag.value) for tag in job.tags if not tag.key.startswith("mlflow.")]
    again = Job(
        **copied,
        name=name,
        display_name=job.display_name if job.display_name != job.name else name,
        created_by=caller.user.name,
        tags=tags,
    )
    session.add(again)
    session.flush()
    for edge in queries.assets(session, job):
        if edge.direction != "output":
            link(session, again, edge.direction, edge.port, edge.kind, edge.asset_name, edge.asset_version)
    change(again)
    start(session, again)
    return again


def on_stage_changed(session: Session, event: StageChanged) -> None:
    """Runs are deleted and restored with their experiment, as MLflow does."""
    following = update(Job).where(Job.experiment_id == event.experiment_id)
    session.execute(following.values(lifecycle_stage=event.stage), execution_options={"synchronize_session": False})
    session.expire_all()


def change(
    session: Session,
    job: Job,
    *,
    display_name: str | None = None,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    archived: bool | None = None,
    properties: dict[str, str] | None = None,
    priority: str | None = None,
    queue: str | None = None,
) -> Job:
    """`priority` and `queue` are those of a job that has not started; raises Conflict for another."""
    if display_name is not None:
        if not display_name.strip():
            raise Invalid("display_name: a job needs a name to be shown under.", target="display_name")
        job.display_name = display_name.strip()
    if description is not None:
        job.description = description
    if tags is not None:
        set_tags(session, job, tags)
    if archived is not None:
        job.archived = archived
    if properties is not None:
        job.properties = properties
    if priority is not None or queue is not None:
        _requeue(session, job, {"priority": priority, "queue": queue})
    return job


def _requeue(session: Session, job: Job, wanted: dict[str, str | None]) -> None:
    if job.status not in BEFORE_START or not job.spec:
        raise Conflict(f"Job {job.name} is {job.status}: only a job that waits has another turn.", target=job.name)
    settings = {**job.spec.get("queue_settings", {}), **{name: value for name, value in wanted.items() if value}}
    job.spec = {**job.spec, "queue_settings": settings}
    placing.apply(session, job)
    hint(session, f"job:{job.id}", "status")
    hint(session, f"jobs:{job.workspace_id}", "jobs")


def keep_code(session: Session, job_id: int, key: str, url: str, ref: str | None, commit: str) -> None:
    """The code of a job is now these files of a repository, also when it runs again; tagged as MLflow tags it."""
    job = session.get_one(Job, job_id)
    job.code = key
    found = {"commit": commit, "repoURL": url} | ({"branch": ref} if ref and ref != commit else {})
    set_tags(
        session, job, {tag.key: tag.value for tag in job.tags} | {f"mlflow.source.git.{k}": v for k, v in found.items()}
    )


def set_tags(session: Session, job: Job, tags: dict[str, str]) -> None:
    """Replace the user's tags; those that MLflow keeps for itself stay."""
    if len(tags) > MOST_TAGS:
        raise Invalid(f"tags: a job may have {MOST_TAGS} tags; these are {len(tags)}.", target="tags")
    kept = {tag.key: tag for tag in job.tags}
    for key in [key for key in kept if not key.startswith("mlflow.") and key not in tags]:
        job.tags.remove(kept[key])
    for key, value in tags.items():
        if key in kept:
            kept[key].value = str(value)
        else:
            job.tags.append(JobTag(key=key, value=str(value)))
    session.flush()


def on_workspace_created(session: Session, event: WorkspaceCreated) -> None:
    """SQLite gives the id of the last workspace again once that is deleted; raises Conflict while its files go."""
    discarding.check_free(session, f"workspaces/{event.workspace_id}", "name")


def on_workspace_deleting(session: Session, event: WorkspaceDeleting) -> None:
    """Raises Conflict while jobs wait or run; the files of the workspace go with it."""
    at_work = (Job.workspace_id == event.workspace_id, Job.type != "run", Job.status.not_in(FINAL))
    names = session.scalars(select(Job.name).where(*at_work).limit(3)).all()
    if names:
        raise Conflict(f"Jobs of the workspace wait or run: {', '.join(names)}. Cancel them first.", target="workspace")
    discarding.discard(session, f"workspaces/{event.workspace_id}")
