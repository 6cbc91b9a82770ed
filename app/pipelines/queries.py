"""Reads of pipelines and their steps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, exists, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.jobs.lifecycle import Status
from app.jobs.places import folder_key, written_by
from app.jobs.tables import Job
from app.kit.storage import store
from app.pipelines.progress import Progress, progress
from app.pipelines.tables import PipelineStep

OPEN = (Status.RUNNING, Status.CANCEL_REQUESTED)


@dataclass(frozen=True)
class Started:
    """The job that runs a step now, or ran it last."""

    job_id: int
    name: str
    type: str
    display_name: str
    status: Status
    outputs: dict
    error: dict | None
    reused_from: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


def open_pipelines(session: Session) -> list[int]:
    return list(session.scalars(select(Job.id).where(*_open()).order_by(Job.id)))


def is_any_open() -> Exists:
    return exists().where(*_open())


def _open() -> tuple[ColumnElement[bool], ...]:
    return Job.status.in_(OPEN), Job.type == "pipeline"


def started(session: Session, pipeline: Job) -> dict[str, Started]:
    """The steps that were started, in that order, each with its newest job."""
    columns = (
        Job.id,
        Job.name,
        Job.type,
        Job.display_name,
        Job.status,
        Job.outputs,
        Job.error,
        PipelineStep.reused_from,
        Job.created_at,
        Job.started_at,
        Job.ended_at,
    )
    found = select(PipelineStep.step, *columns).join(Job, Job.id == PipelineStep.job_id)
    found = found.where(PipelineStep.pipeline_id == pipeline.id, PipelineStep.is_superseded.is_(False))
    return {row[0]: Started(*row[1:]) for row in session.execute(found.order_by(Job.id))}


def row_of(session: Session, pipeline: Job, step: str) -> PipelineStep | None:
    """The newest attempt of a step; None while it was not started. Raises NotFound where there is no such step."""
    if step not in steps_of(pipeline):
        raise NotFound(f"Pipeline {pipeline.name} has no step {step!r}.", target="step")
    found = select(PipelineStep).where(PipelineStep.pipeline_id == pipeline.id, PipelineStep.step == step)
    return session.scalar(found.order_by(PipelineStep.attempt.desc()).limit(1))


def steps_of(pipeline: Job) -> dict[str, dict]:
    """The steps of a pipeline in the order of its file; raises Invalid for a job of another type."""
    if pipeline.type != "pipeline":
        raise Invalid(f"name: job {pipeline.name} is a {pipeline.type} job and has no steps.", target="name")
    asked = pipeline.spec["pipeline"]
    return {name: asked["jobs"][name] for name in asked["order"]}


def display_names(pipeline: Job) -> dict[str, str]:
    """What each step is shown as: several that run one component are told apart by their own names."""
    steps = steps_of(pipeline)
    said = {name: step["job"].get("display_name") or name for name, step in steps.items()}
    often = Counter(said.values())
    return {name: text if often[text] == 1 else f"{text} ({name})" for name, text in said.items()}


def upstream(step: dict) -> Sequence[str]:
    """The steps that a step waits for."""
    named = (*step.get("sources", {}).values(), step.get("when", {}))
    return list(dict.fromkeys(source["step"] for source in named if "step" in source))


def progress_of(pipeline: Job, jobs: dict[str, Started]) -> Progress:
    steps = steps_of(pipeline)
    return progress(
        {name: upstream(step) for name, step in steps.items()},
        {name: job.status for name, job in jobs.items() if name in steps},
        _unwanted(pipeline.workspace_id, steps, jobs),
        continues=pipeline.spec["pipeline"]["settings"].get("continue_on_step_failure", False),
        is_ending=pipeline.status in (Status.CANCEL_REQUESTED, Status.CANCELED),
    )


def _unwanted(workspace_id: int, steps: dict[str, dict], jobs: dict[str, Started]) -> dict[str, str]:
    """The steps that their condition leaves out, as far as that is known."""
    found = {}
    for name, step in steps.items():
        when = step.get("when")
        if not when or name in jobs:
            continue
        if "step" in when:
            decider = jobs.get(when["step"])
            if decider is None or decider.status is not Status.COMPLETED:
                continue
            value = _is_true(workspace_id, decider, when["output"])
            said = f"output {when['output']!r} of step {when['step']!r}"
        else:
            value, said = when["value"], "its condition"
        if value != when["is"]:
            found[name] = f"It is run only if {said} is {str(when['is']).lower()}."
    return found


def _is_true(workspace_id: int, job: Started, port: str) -> bool:
    """What a step wrote as the value of a boolean output; nothing is false."""
    written = written_by(job.name, job.outputs, port)
    key = f"{folder_key(workspace_id, written['job'])}/outputs/{written['output']}"
    for entry in store().walk(key):
        text = b"".join(store().read(f"{key}/{entry.path}", 0, 100)).decode(errors="replace")
        return text.strip().lower() in ("true", "1", "yes")
    return False
