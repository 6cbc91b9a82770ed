"""What a pipeline does next: decided anew from the tables at each look, so that nothing is lost with a process."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict
from app.jobs import moves, results
from app.jobs.events import JobFinished
from app.jobs.lifecycle import Status
from app.jobs.places import written_by
from app.jobs.tables import Job
from app.kit.outbox import enqueue, hint
from app.pipelines import collecting, queries
from app.pipelines.progress import Progress
from app.pipelines.queries import Started
from app.pipelines.starting import start
from app.pipelines.tables import PipelineStep


def on_job_finished(session: Session, event: JobFinished) -> None:
    """The steps that waited for this one start at once."""
    if event.parent_id is not None:
        kind = session.scalar(select(Job.type).where(Job.id == event.parent_id))
        if kind == "pipeline":
            enqueue(session, "pipelines.advance", event.parent_id)


def advance(session: Session, pipeline_id: int) -> None:
    """Start, cancel and end what is due. Of two that look at once, one waits, and then finds nothing to do."""
    pipeline = session.scalar(select(Job).where(Job.id == pipeline_id).with_for_update())
    if pipeline is None or pipeline.type != "pipeline" or pipeline.status not in queries.OPEN:
        return
    names = queries.display_names(pipeline)
    while True:
        jobs = queries.started(session, pipeline)
        now = queries.progress_of(pipeline, jobs)
        allowed = _allowed(pipeline, now)
        if not allowed:
            break
        begun = [start(session, pipeline, name, names[name], jobs) for name in allowed]
        hint(session, f"job:{pipeline.id}", "status")
        # Steps whose outputs are taken over are over at once, and others may have waited for them.
        if not any(job.status.is_final for job in begun):
            return
    if pipeline.status is Status.CANCEL_REQUESTED:
        _cancel(session, jobs)
    if now.is_over:
        _end(session, pipeline, jobs, now)


def _allowed(pipeline: Job, now: Progress) -> list[str]:
    """Those of the steps that are ready for which there is room."""
    most = pipeline.spec["pipeline"]["settings"].get("max_concurrency")
    return now.ready if most is None else now.ready[: max(0, most - len(now.running))]


def retry(session: Session, pipeline: Job) -> None:
    """Go on from the steps that failed or were canceled; what completed is kept.

    Raises Conflict for a pipeline that is not over or needs no retry, Invalid for a job of another type.
    """
    queries.steps_of(pipeline)
    if pipeline.status not in (Status.FAILED, Status.CANCELED):
        raise Conflict(
            f"Job {pipeline.name} is {pipeline.status}; a pipeline is retried when it failed or was canceled.",
            target=pipeline.name,
        )
    for job in queries.started(session, pipeline).values():
        if job.status not in (Status.FAILED, Status.CANCELED):
            continue
        if job.type == "pipeline":
            retry(session, session.get_one(Job, job.job_id))
        else:
            session.get_one(PipelineStep, job.job_id).is_superseded = True
    moves.restart(session, pipeline)
    enqueue(session, "pipelines.advance", pipeline.id)


def _cancel(session: Session, jobs: Mapping[str, Started]) -> None:
    for job in jobs.values():
        if not job.status.is_final and job.status is not Status.CANCEL_REQUESTED:
            moves.cancel(session, session.get_one(Job, job.job_id))


def _end(session: Session, pipeline: Job, jobs: Mapping[str, Started], now: Progress) -> None:
    if pipeline.spec["pipeline"]["settings"].get("collects"):
        collecting.collect(pipeline, jobs)
    else:
        _bind_outputs(session, pipeline, jobs)
    if pipeline.status is Status.CANCEL_REQUESTED:
        moves.move(session, pipeline, Status.CANCELED)
    elif now.lost:
        moves.fail(session, pipeline, _cause(now.lost, jobs))
    else:
        results.complete(session, pipeline)


def _bind_outputs(session: Session, pipeline: Job, jobs: Mapping[str, Started]) -> None:
    """The outputs of a pipeline are those of the steps that write them, and lie where these wrote them."""
    outputs = dict(pipeline.outputs)
    for name, step in queries.steps_of(pipeline).items():
        job = jobs.get(name)
        if job is None or job.status is not Status.COMPLETED:
            continue
        for port, target in step.get("targets", {}).items():
            outputs[target] = {**outputs[target], **written_by(job.name, job.outputs, port)}
    pipeline.outputs = outputs
    session.flush()


def _cause(lost: list[str], jobs: Mapping[str, Started]) -> str:
    """Why the pipeline failed, in one sentence."""
    job = jobs[lost[0]]
    said = (job.error or {}).get("message")
    first = f"Step {lost[0]!r} failed: {said}" if said else f"Step {lost[0]!r} was canceled."
    return first if len(lost) == 1 else f"{len(lost)} steps failed. {first}"
