"""Finds the component that a job names, when it is submitted: registered, beside the job file, or in it."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.specification import (
    CommandJob,
    Component,
    component_with_uploads,
    is_local,
    job_file,
    load_command_job,
    load_component,
    with_uploads,
)

FindRegistered = Callable[[Session, int, str], Component]
_find_registered: FindRegistered


def connect(find_registered: FindRegistered) -> None:
    """Say how registered components are found: their domain lies above jobs."""
    global _find_registered
    _find_registered = find_registered


def read_job(session: Session, workspace_id: int, yaml: str, uploads: Mapping[str, str]) -> CommandJob:
    """A job file with all that it runs: the component that it names, and addresses for its local paths.

    Raises Invalid that says which field and line is wrong, and NotFound for a component that there is not.
    """

    def find(component: str | Component) -> Component:
        if isinstance(component, Component):
            return component_with_uploads(component, uploads)
        if is_local(component):
            return _of_file(component, uploads)
        return _find_registered(session, workspace_id, component)

    return with_uploads(load_command_job(yaml, find_component=find), uploads)


def draft(session: Session, workspace_id: int, reference: str) -> str:
    """A job file that runs a registered component, `NAME:VERSION`, for the editor; raises NotFound."""
    return job_file(f"azureml:{reference}", _find_registered(session, workspace_id, f"azureml:{reference}"))


def _of_file(file: str, uploads: Mapping[str, str]) -> Component:
    if file not in uploads:
        raise Invalid(
            f"component: {file!r} is a file on your machine, which the server cannot read. `atelier job create -f "
            "FILE` sends it; or give its text in `uploads`, under the path as it is written.",
            target="component",
        )
    found = load_component(uploads[file], source_name=file.removeprefix("file:"))
    return component_with_uploads(found, uploads, file=file)
