"""From the text of a file to a job or component."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.errors import Invalid
from app.jobs.specification.command import CommandJob
from app.jobs.specification.component import Component, read_component
from app.jobs.specification.document import Document, read
from app.jobs.specification.interface import with_component
from app.jobs.specification.kinds import READERS, kind_of_job
from app.jobs.specification.section import Problems, Section, kind_of
from app.jobs.specification.uploads import is_local

FindComponent = Callable[[str | Component], Component]


def load_command_job(
    source: str | Mapping[str, Any], *, source_name: str = "job.yml", find_component: FindComponent | None = None
) -> CommandJob:
    """Read a commandJob of Azure ML CLI v2 from YAML, JSON or a mapping.

    A job that names a component has its command only where `find_component` is given: it answers the component
    with addresses for its local paths. Raises Invalid: the message says line, column and field of the first
    problem, what is wrong and what would be right; `details` holds the other problems and `target` the field.
    Fields that do not exist are `warnings`, which name the right one.
    """
    document = _read(source, source_name, "a job file is a mapping of fields such as `command: python train.py`")
    problems = Problems(document)
    job = READERS[kind_of_job(problems, document.value)](problems, document.value)
    if job.component and find_component:
        component = find_component(job.component)
        is_registered = isinstance(job.component, str) and not is_local(job.component)
        named = f"azureml:{component.name}:{component.version}" if is_registered else component
        job = replace(with_component(problems, job, component), component=named)
    problems.raise_found()
    return replace(job, warnings=tuple(dict.fromkeys(problems.warnings)))


def load_component(source: str | Mapping[str, Any], *, source_name: str = "component.yml") -> Component:
    """Read a commandComponent of Azure ML CLI v2; raises Invalid as `load_command_job` does."""
    document = _read(source, source_name, "a component file is a mapping of fields such as `command: python train.py`")
    problems = Problems(document)
    component = read_component(Section(problems, document.value, what="a command component"))
    problems.raise_found()
    return replace(component, warnings=tuple(dict.fromkeys(problems.warnings)))


def _read(source: str | Mapping[str, Any], source_name: str, form: str) -> Document:
    document = read(source, source_name)
    if not isinstance(document.value, dict):
        raise Invalid(f"{source_name}: {form}; it holds {kind_of(document.value)}.", target="command")
    return document
