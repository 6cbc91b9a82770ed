"""Local paths of a job file: which they are, and their addresses once a client has uploaded them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from app.errors import Invalid
from app.jobs.specification.command import CommandJob
from app.jobs.specification.component import Component
from app.jobs.specification.document import read
from app.jobs.specification.section import kind_of

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:.*", re.DOTALL)


def is_local(path: str) -> bool:
    """Whether a path is one on the client's machine: every other form starts with a scheme, as in `azureml:`."""
    return not _ADDRESS.fullmatch(path) or path.startswith("file:")


def local_paths(job: CommandJob) -> dict[str, str]:
    """Fields that hold a path on the client's machine: `{"code": "./src", "inputs.data.path": "data.csv"}`."""
    found = _command_paths(job)
    found |= {
        f"inputs.{name}.path": value.path
        for name, value in job.inputs.items()
        if value.path is not None and is_local(value.path)
    }
    if isinstance(job.component, Component):
        found |= {f"component.{field}": path for field, path in _command_paths(job.component).items()}
    elif job.component and is_local(job.component):
        found["component"] = job.component
    return found


def _command_paths(command: CommandJob | Component) -> dict[str, str]:
    found = {"code": command.code} if command.code and is_local(command.code) else {}
    if isinstance(command.environment, dict):
        conda = command.environment.get("conda_file")
        if isinstance(conda, str) and not _is_definition(conda):
            found["environment.conda_file"] = conda
    return found


def _is_definition(text: str) -> bool:
    return "\n" in text.strip()


def with_uploads(job: CommandJob, uploads: Mapping[str, str]) -> CommandJob:
    """The job with each local path replaced by what `uploads` says under the path as it is written.

    For `code` and inputs that is the address that /api/uploads answered, for `environment.conda_file` the
    text of the file. Raises Invalid for a local path that was not uploaded.
    """
    _check_uploaded(local_paths(job), uploads, "job")
    inputs = {
        name: replace(value, path=uploads[value.path]) if value.path and is_local(value.path) else value
        for name, value in job.inputs.items()
    }
    return replace(_placed(job, uploads), inputs=inputs)


def component_with_uploads(component: Component, uploads: Mapping[str, str], *, file: str | None = None) -> Component:
    """The component with its local paths replaced, as `with_uploads` does for a job.

    Those of a component whose `file` a job names are in `uploads` under `FILE#PATH`. Raises Invalid as well.
    """
    if file is not None:
        prefix = f"{file}#"
        uploads = {name.removeprefix(prefix): text for name, text in uploads.items() if name.startswith(prefix)}
    _check_uploaded(_command_paths(component), uploads, "component")
    return _placed(component, uploads)


def _check_uploaded(paths: Mapping[str, str], uploads: Mapping[str, str], noun: str) -> None:
    missing = [f"{field}: {path!r}" for field, path in paths.items() if path not in uploads]
    if missing:
        raise Invalid(
            f"{missing[0]} is a path on your machine, which the server cannot read. `atelier {noun} create -f FILE` "
            "uploads it; or upload it to /api/uploads and give its address in `uploads`.",
            target=missing[0].split(":")[0],
            details=[f"{text} is missing too." for text in missing[1:]],
        )


Command = TypeVar("Command", CommandJob, Component)


def _placed(command: Command, uploads: Mapping[str, str]) -> Command:
    code = uploads[command.code] if command.code and is_local(command.code) else command.code
    return replace(command, code=code, environment=_environment(command.environment, uploads))


def _environment(environment: str | dict | None, uploads: Mapping[str, str]) -> str | dict | None:
    if not isinstance(environment, dict) or not isinstance(environment.get("conda_file"), str):
        return environment
    written = environment["conda_file"]
    text = written if _is_definition(written) else uploads[written]
    name = "conda_file" if _is_definition(written) else written
    definition = read(text, name).value
    if not isinstance(definition, dict):
        raise Invalid(
            f"environment.conda_file: {name} holds {kind_of(definition)}; it must hold the text of a conda file.",
            target="environment.conda_file",
        )
    return environment | {"conda_file": definition}
