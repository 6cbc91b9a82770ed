"""Finds the component that a job names, when it is submitted: registered, beside the job file, or in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.jobs.specification import (
    CommandJob,
    Component,
    PipelineComponent,
    check_steps,
    component_with_uploads,
    is_local,
    job_file,
    load_command_job,
    load_component,
    with_uploads,
)

FindRegistered = Callable[[Session, int, str], Component | PipelineComponent]
_find_registered: FindRegistered


def connect(find_registered: FindRegistered) -> None:
    """Say how registered components are found: their domain lies above jobs."""
    global _find_registered
    _find_registered = find_registered


@dataclass(frozen=True)
class Finder:
    """Finds the components that a file names, of which `uploads` holds the local paths."""

    session: Session
    workspace_id: int
    uploads: Mapping[str, str]

    def __call__(self, component: str | Component) -> Component | PipelineComponent:
        """A component with addresses for its local paths and with the components of its steps in it."""
        if isinstance(component, Component):
            return component_with_uploads(component, self.uploads)
        if is_local(component):
            return self._of_file(component)
        return _find_registered(self.session, self.workspace_id, component)

    def _of_file(self, file: str) -> Component | PipelineComponent:
        if file not in self.uploads:
            raise Invalid(
                f"component: {file!r} is a file on your machine, which the server cannot read. `atelier job create -f "
                "FILE` sends it; or give its text in `uploads`, under the path as it is written.",
                target="component",
            )
        prefix = f"{file}#"
        inner = {name.removeprefix(prefix): text for name, text in self.uploads.items() if name.startswith(prefix)}
        finder = Finder(self.session, self.workspace_id, inner)
        return finder.component(self.uploads[file], file.removeprefix("file:"))

    def component(self, text: str, source_name: str = "component.yml") -> Component | PipelineComponent:
        """The component of a file; raises Invalid that says which field and line is wrong."""
        found = load_component(text, source_name=source_name)
        if isinstance(found, Component):
            return component_with_uploads(found, self.uploads)
        return check_steps(found, text, source_name, self.uploads, self)


def read_job(
    session: Session, workspace_id: int, yaml: str, uploads: Mapping[str, str], file: str = "job.yml"
) -> CommandJob:
    """A job file with all that it runs: the components that it names, and addresses for its local paths.

    Raises Invalid that says which field and line is wrong, and NotFound for a component that there is not.
    """
    find = Finder(session, workspace_id, uploads)
    return with_uploads(load_command_job(yaml, source_name=file, find_component=find, uploads=uploads), uploads)


def read_component(
    session: Session, workspace_id: int, yaml: str, uploads: Mapping[str, str]
) -> Component | PipelineComponent:
    """A component file with addresses for its local paths; raises as `read_job` does."""
    return Finder(session, workspace_id, uploads).component(yaml)


def draft(session: Session, workspace_id: int, reference: str) -> str:
    """A job file that runs a registered component, `NAME:VERSION`, for the editor; raises NotFound."""
    return job_file(f"azureml:{reference}", _find_registered(session, workspace_id, f"azureml:{reference}"))
