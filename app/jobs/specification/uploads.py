"""Local paths of a job file: which they are, and their addresses once a client has uploaded them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from app.jobs.specification.command import CommandJob
from app.jobs.specification.component import Component
from app.jobs.specification.local_files import check_uploaded, conda_of, is_definition, is_local
from app.jobs.specification.pipeline import PipelineJob
from app.jobs.specification.references import local_references


def local_paths(job: CommandJob) -> dict[str, str]:
    """Fields that hold a path on the client's machine: `{"code": "./src", "inputs.data.path": "data.csv"}`."""
    found = _command_paths(job)
    found |= {
        f"inputs.{name}.path": value.path
        for name, value in job.inputs.items()
        if value.path is not None and is_local(value.path)
    }
    if isinstance(job, PipelineJob):
        found |= {".".join(map(str, ("jobs", *path))): text for path, text in local_references(job.jobs).items()}
    if isinstance(job.component, Component):
        found |= {f"component.{field}": path for field, path in _command_paths(job.component).items()}
    elif isinstance(job.component, str) and is_local(job.component):
        found["component"] = job.component
    return found


def _command_paths(command: CommandJob | Component) -> dict[str, str]:
    found = {"code": command.code} if command.code and is_local(command.code) else {}
    if isinstance(command.environment, dict):
        conda = command.environment.get("conda_file")
        if isinstance(conda, str) and not is_definition(conda):
            found["environment.conda_file"] = conda
        build = command.environment.get("build")
        if build and is_local(build["path"]):
            found["environment.build.path"] = build["path"]
    return found


def with_uploads(job: CommandJob, uploads: Mapping[str, str]) -> CommandJob:
    """The job with each local path replaced by what `uploads` says under the path as it is written.

    For `code`, inputs and `environment.build.path` that is the address that /api/uploads answered, for
    `environment.conda_file` the text of the file. Raises Invalid for a local path that was not uploaded.
    """
    check_uploaded(local_paths(job), uploads, "job")
    inputs = {
        name: replace(value, path=uploads[value.path]) if value.path and is_local(value.path) else value
        for name, value in job.inputs.items()
    }
    return replace(_placed(job, uploads), inputs=inputs)


def component_with_uploads(component: Component, uploads: Mapping[str, str]) -> Component:
    """The component with its local paths replaced, as `with_uploads` does for a job; raises Invalid as well."""
    check_uploaded(_command_paths(component), uploads, "component")
    return _placed(component, uploads)


Command = TypeVar("Command", CommandJob, Component)


def _placed(command: Command, uploads: Mapping[str, str]) -> Command:
    code = uploads[command.code] if command.code and is_local(command.code) else command.code
    return replace(command, code=code, environment=_environment(command.environment, uploads))


def _environment(environment: str | dict | None, uploads: Mapping[str, str]) -> str | dict | None:
    if not isinstance(environment, dict):
        return environment
    found, build = dict(environment), environment.get("build")
    if isinstance(environment.get("conda_file"), str):
        found["conda_file"] = conda_of(environment["conda_file"], uploads)
    if build and is_local(build["path"]):
        found["build"] = build | {"path": uploads[build["path"]]}
    return found
