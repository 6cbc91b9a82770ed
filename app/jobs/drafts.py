"""A job file on its way: what is in the editor, the code that goes with it, and what is wrong with it."""

import re
from dataclasses import dataclass

import yaml
from sqlalchemy.orm import Session

from app.assets.addresses import stored_address
from app.environments import resolving
from app.errors import AlreadyExists, Invalid
from app.jobs import inputs, packing, placing, queries
from app.jobs.components import read_job
from app.jobs.packing import Files
from app.jobs.places import workspace_root
from app.jobs.specification import load_command_job, local_paths
from app.jobs.tables import Job
from app.settings import PROJECT

DIGITS = PROJECT / "examples" / "digits"
_NAME = re.compile(r"^name:.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Draft:
    """`source` is the job that was cloned, or empty for the example; `keeps_code` takes over that one's code."""

    yaml: str
    source: str
    keeps_code: bool


def of_job(job: Job) -> Draft:
    """The file of a job without its name, since names are unique."""
    return Draft(_NAME.sub("", job.source_yaml or ""), job.name, bool(job.source_yaml))


def uploads(session: Session, workspace_id: int, draft: Draft, files: Files, limit_bytes: int) -> dict[str, str]:
    """Where the local paths of the draft lie: what was sent now, else what the source had; raises Invalid."""
    spec = load_command_job(draft.yaml)
    wanted = local_paths(spec)
    if files and "code" not in wanted:
        raise Invalid(
            "code: files were chosen, but the job file has no local `code` that they could be; write `code: .`.",
            target="code",
        )
    found = _of_source(queries.get(session, workspace_id, draft.source), draft) if draft.source else {}
    if "code" in wanted:
        if files:
            found[spec.code] = packing.store_files(workspace_id, files, limit_bytes)
        elif draft.keeps_code and not draft.source:
            found[spec.code] = packing.store_folder(workspace_id, DIGITS / "src")
    return found


def _of_source(job: Job, draft: Draft) -> dict[str, str]:
    """The local paths of a job that was submitted before, with the addresses that they had then."""
    then, found = job.spec or {}, {}
    if job.type == "pipeline":
        return dict(then.get("uploads", {}))
    for field, path in local_paths(load_command_job(job.source_yaml or "")).items():
        if field == "component":
            # With addresses where the file had local paths, so that it needs nothing beside it.
            found[path] = yaml.safe_dump(then["component"], sort_keys=False)
        elif field == "component.code":
            found[path] = then["component"]["code"]
        elif field.startswith("inputs."):
            found[path] = then["inputs"][field.split(".")[1]]["path"]
        elif field.endswith("environment.conda_file"):
            of = then["component"] if field.startswith("component.") else then
            found[path] = yaml.safe_dump(of["environment"]["conda_file"])
        elif field.endswith("environment.build.path"):
            of = then["component"] if field.startswith("component.") else then
            found[path] = of["environment"]["build"]["path"]
        elif draft.keeps_code:
            found[path] = stored_address(job.code.removeprefix(f"{workspace_root(job)}/"))
    return found


def check(session: Session, workspace_id: int, text: str, uploaded: dict[str, str]) -> None:
    """Raise what submitting would raise, before anything is written."""
    spec = read_job(session, workspace_id, text, uploaded)
    if spec.name and queries.find(session, workspace_id, spec.name):
        raise AlreadyExists(f"name: there is a job {spec.name!r} already; leave `name` out to get one.", target="name")
    resolving.resolve(session, workspace_id, spec.environment)
    placing.place(session, workspace_id, spec.to_dict())
    for port, value in spec.inputs.items():
        if not value.is_literal:
            inputs.resolve(session, workspace_id, port, value.type, value.path)
    if spec.parent_job_name:
        queries.get(session, workspace_id, spec.parent_job_name)
