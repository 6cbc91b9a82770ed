"""Whether a step was run before just so, and what differs where it was not."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs import git_code
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.pipelines.tables import PipelineStep

# Kinds of steps whose outputs may be taken over; the steps of a pipeline within a pipeline are looked at one by one.
REUSED = ("command", "sweep", "parallel")
LOOKED_AT = 50
_LONGEST = 300
_SETTINGS = ("environment_variables", "resources", "distribution", "compute", "sweep", "parallel", "timeout_seconds")


@dataclass(frozen=True)
class Difference:
    """A part of a step, such as `code` or `inputs.data`; None where a step has no such part."""

    part: str
    before: str | None
    now: str | None


@dataclass(frozen=True)
class Verdict:
    """`compared_with` is the nearest earlier run of the step, by the number of parts that differ."""

    reused_from: str | None
    reason: str
    compared_with: str | None
    differences: list[Difference]


def parts_of(job: Job, component: str | None) -> dict[str, str]:
    """What a step is made of, by the names of its fields; long texts as a digest."""
    spec = job.spec or {}
    environment = {key: value for key, value in (job.environment or {}).items() if key != "notes"}
    found: dict[str, Any] = {
        "component": component,
        "command": job.command,
        "code": _code(job),
        "environment": environment,
        **{name: spec.get(name) for name in _SETTINGS},
        **{f"inputs.{port}": _content(value) for port, value in job.inputs.items()},
        **{f"outputs.{port}": _settings(value) for port, value in job.outputs.items()},
    }
    return {name: _short(value) for name, value in found.items() if value not in (None, "", {}, [])}


def _code(job: Job) -> str | None:
    return job.code.partition("/uploads/")[2] if job.code else _repository(job)


def _repository(job: Job) -> str | None:
    code = (job.spec or {}).get("code")
    return code if git_code.is_git(code) else None


def has_known_code(job: Job) -> bool:
    """Whether it is sure now what will run: a branch of a repository may have moved when the job starts."""
    code = None if job.code else _repository(job)
    return code is None or git_code.parse(code).is_pinned


def _content(value: dict) -> Any:
    """By what an input is told from another: its value, or the digest of its content where that is known."""
    if "value" in value:
        return value["value"]
    place = value.get("digest") or value.get("key") or value.get("url")
    return {"type": value.get("type"), "mode": value.get("mode"), "content": place}


def _settings(value: dict) -> Any:
    return {key: value[key] for key in ("type", "mode", "name", "version", "path") if key in value}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:40]}… (sha256 {hashlib.sha256(text.encode()).hexdigest()})"


def digest_of(parts: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find(session: Session, workspace_id: int, digest: str) -> Job | None:
    """The newest completed run of just this step."""
    found = select(Job).join(PipelineStep, PipelineStep.job_id == Job.id)
    found = found.where(PipelineStep.workspace_id == workspace_id, PipelineStep.digest == digest)
    found = found.where(PipelineStep.is_reusable, Job.status == Status.COMPLETED, Job.lifecycle_stage == "active")
    return session.scalar(found.order_by(Job.id.desc()).limit(1))


def explain(session: Session, row: PipelineStep, *, force_rerun: bool) -> Verdict:
    """Why the outputs of an earlier run were taken over, or what differs from the nearest one."""
    if row.reused_from:
        text = f"Nothing differs from {row.reused_from}, whose outputs it has."
        return Verdict(row.reused_from, text, row.reused_from, [])
    earlier = (
        select(PipelineStep, Job.name, Job.status)
        .join(Job, Job.id == PipelineStep.job_id)
        .where(PipelineStep.workspace_id == row.workspace_id, PipelineStep.kind == row.kind)
        .where(PipelineStep.job_id < row.job_id)
        .order_by(PipelineStep.job_id.desc())
        .limit(LOOKED_AT)
    )
    found = [
        (differences(step.parts, row.parts), step, name, status) for step, name, status in session.execute(earlier)
    ]
    if not found:
        return Verdict(None, "It was not run before.", None, [])
    differing, before, name, status = min(found, key=lambda item: (len(item[0]), item[3] is not Status.COMPLETED))
    return Verdict(None, _reason(differing, before, name, status, force_rerun), name, differing)


def _reason(differing: list[Difference], before: PipelineStep, name: str, status: Status, force_rerun: bool) -> str:
    if differing:
        return f"It differs from {name}, the nearest earlier run, in {', '.join(item.part for item in differing)}."
    if force_rerun:
        return "The pipeline asks for `force_rerun`."
    if status is not Status.COMPLETED:
        return f"Nothing differs from {name}, but that one is {status}."
    if not before.is_reusable:
        cause = "its component is not deterministic, or its pipeline had `force_rerun`"
        return f"Nothing differs from {name}, but that one may not be taken over: {cause}."
    return f"Nothing differs from {name}, which completed later or was deleted."


def differences(before: dict[str, str], now: dict[str, str]) -> list[Difference]:
    names = sorted({*before, *now})
    return [Difference(name, before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)]
