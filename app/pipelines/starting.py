"""From a step of a pipeline to the job that runs it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.assets.addresses import DATASTORE
from app.errors import AtelierError
from app.jobs import moves, results, service
from app.jobs.lifecycle import Status
from app.jobs.output_places import filled, filled_input
from app.jobs.places import folder_key, output_key, written_by
from app.jobs.specification import generate_name
from app.jobs.tables import DiscardedFiles, Job, JobTag
from app.kit.clock import now
from app.kit.storage import store
from app.pipelines import reuse
from app.pipelines.queries import Started
from app.pipelines.tables import PipelineStep
from app.tracking import service as tracking

LONGEST_NAME = 240


def start(session: Session, pipeline: Job, name: str, shown_as: str, jobs: Mapping[str, Started]) -> Job:
    """Start a step whose inputs are all there, or take over what an earlier run of it left; `jobs` ran before it."""
    step = pipeline.spec["pipeline"]["jobs"][name]
    job = _job(session, pipeline, name, step, _inputs(session, pipeline, step, jobs))
    job.display_name = shown_as
    row = _row(session, pipeline, name, step, job)
    earlier = reuse.find(session, pipeline.workspace_id, row.digest) if row.is_reusable else None
    session.add(job)
    session.flush()
    row.job_id = job.id
    session.add(row)
    _link(session, job, step)
    if earlier is not None:
        _take_over(session, job, row, earlier)
        return job
    try:
        service.start(session, job)
    except AtelierError as error:
        # No worker could ever run it.
        moves.move(session, job, Status.FAILED, error={"message": error.message, "detail": None})
    return job


def _row(session: Session, pipeline: Job, name: str, step: dict, job: Job) -> PipelineStep:
    component = step.get("component")
    parts = reuse.parts_of(job, component)
    forced = pipeline.spec["pipeline"]["settings"].get("force_rerun", False)
    return PipelineStep(
        pipeline_id=pipeline.id,
        workspace_id=pipeline.workspace_id,
        step=name,
        attempt=_attempt(session, pipeline, name),
        kind=component.removeprefix("azureml:").split(":")[0] if component else name,
        parts=parts,
        digest=reuse.digest_of(parts),
        is_reusable=step.get("is_deterministic", True)
        and not forced
        and job.type in reuse.REUSED
        and reuse.has_known_code(job),
    )


def _take_over(session: Session, job: Job, row: PipelineStep, earlier: Job) -> None:
    """The step is over at once, with the outputs of the earlier run."""
    row.is_reusable, row.reused_from = False, earlier.name
    job.outputs = {
        port: {**earlier.outputs.get(port, output), **written_by(earlier.name, earlier.outputs, port)}
        for port, output in job.outputs.items()
    }
    job.properties = {**job.properties, "azureml.isreused": "true", "azureml.reusedrunid": earlier.name}
    session.flush()
    moves.move(session, job, Status.RUNNING, started_at=now())
    moves.move(session, job, Status.COMPLETED)


def _job(session: Session, pipeline: Job, name: str, step: dict, ports: dict[str, dict]) -> Job:
    ports = {port: filled_input(value, pipeline.name) for port, value in ports.items()}
    spec = {**step["job"], "parent_job_name": pipeline.name}
    spec["inputs"] = {**spec.get("inputs", {}), **{port: _shown(value) for port, value in ports.items()}}
    compute = spec.get("compute") or pipeline.spec["pipeline"]["settings"].get("default_compute")
    spec |= {"compute": compute} if compute else {}
    if "pipeline" in spec:
        spec["pipeline"] = {**spec["pipeline"], "settings": _settings(pipeline, spec["pipeline"]["settings"])}
    return Job(
        workspace_id=pipeline.workspace_id,
        experiment_id=pipeline.experiment_id,
        parent_id=pipeline.id,
        name=_free_name(session, pipeline, name),
        description=spec.get("description", ""),
        created_by=pipeline.created_by,
        properties={
            **spec.get("properties", {}),
            "azureml.pipelinerunid": pipeline.name,
            "azureml.nodeid": name,
        },
        type=spec.get("type", "command"),
        spec=spec,
        command=spec.get("command"),
        code=step["code"],
        environment=step["environment"],
        inputs=ports,
        outputs=_outputs(pipeline, step, spec),
        timeout_seconds=spec.get("timeout_seconds"),
        max_retries=spec.get("max_retries", 0),
        tags=[JobTag(key=key, value=value) for key, value in (spec.get("tags") or {}).items()]
        + [JobTag(key=tracking.PARENT, value=pipeline.name)],
    )


def _outputs(pipeline: Job, step: dict, spec: dict[str, Any]) -> dict[str, dict]:
    """The outputs of a step, which go where the pipeline's outputs that they are bound to go.

    All others go to the pipeline's default datastore as well, if it names one.
    """
    outputs, datastore = spec.get("outputs", {}), pipeline.spec["pipeline"]["settings"].get("default_datastore")
    places = {
        port: filled(path, name=pipeline.name, output_name=target)
        for port, target in step.get("targets", {}).items()
        if (path := (pipeline.outputs.get(target) or {}).get("path"))
    }
    if datastore not in (None, DATASTORE) and "pipeline" not in spec:
        own = f"azureml://datastores/{datastore}/paths/azureml/${{{{name}}}}/${{{{output_name}}}}"
        places = {port: places.get(port) or own for port in outputs}
    return {
        port: {"path": places[port], **output} if places.get(port) else dict(output) for port, output in outputs.items()
    }


def _settings(pipeline: Job, own: dict[str, Any]) -> dict[str, Any]:
    """A pipeline within a pipeline is run as the outer one, but for what it says itself."""
    outer = pipeline.spec["pipeline"]["settings"]
    inherited = {key: value for key, value in outer.items() if key not in ("max_concurrency", "collects")}
    return {key: own.get(key) or inherited.get(key) for key in {**inherited, **own}}


def _shown(value: dict) -> dict:
    return {key: value[key] for key in ("value", "type", "path", "mode") if key in value}


def _free_name(session: Session, pipeline: Job, step: str) -> str:
    """`PIPELINE_STEP`, with an ending where a job has that name or had it until just now."""
    first = f"{pipeline.name}_{step}"[:LONGEST_NAME]
    for name in (first, f"{first}_{generate_name().rpartition('_')[2]}"):
        taken = select(Job.id).where(Job.workspace_id == pipeline.workspace_id, Job.name == name)
        going = session.get(DiscardedFiles, folder_key(pipeline.workspace_id, name))
        if going is None and session.scalar(taken) is None:
            break
    return name


def _attempt(session: Session, pipeline: Job, name: str) -> int:
    found = select(func.count()).where(PipelineStep.pipeline_id == pipeline.id, PipelineStep.step == name)
    return session.scalar(found)


def _inputs(session: Session, pipeline: Job, step: dict, jobs: Mapping[str, Started]) -> dict[str, dict]:
    """The inputs as a row of jobs holds them."""
    found = dict(step["inputs"])
    for port, source in step.get("sources", {}).items():
        shape = {key: source[key] for key in ("type", "mode") if key in source}
        if "input" in source:
            value = pipeline.inputs.get(source["input"])
            if value is not None:
                found[port] = {"value": str(value["value"])} if "value" in value else {**value, **shape}
        else:
            found[port] = _output(session, jobs[source["step"]], source["output"], shape)
    return found


def _output(session: Session, writer: Started, port: str, shape: dict[str, str]) -> dict:
    """What a step wrote, as an input of the next one."""
    written = writer.outputs.get(port, {})
    key = output_key(session.get_one(Job, writer.job_id), port)
    path = f"azureml://jobs/{writer.name}/outputs/{port}"
    if shape.get("type") == "uri_file":
        files = list(store().walk(key))
        if len(files) == 1:
            key, path = f"{key}/{files[0].path}", f"{path}/paths/{files[0].path}"
    found = {"type": written.get("type", "uri_folder"), **shape, "path": path, "key": key, "job": writer.name}
    digest = {"digest": written["digest"]} if "digest" in written else {}
    return {"mode": "ro_mount", **found, **digest}


def _link(session: Session, job: Job, step: dict) -> None:
    for port, value in job.inputs.items():
        if asset := value.get("asset"):
            results.link(session, job, "input", port, asset["kind"], asset["name"], asset["version"])
    if component := step.get("component"):
        name, version = component.removeprefix("azureml:").split(":")
        results.link(session, job, "source", "component", "component", name, version)
    results.link_environment(session, job)
