"""From the text of a file to a job or component."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.errors import Invalid
from app.jobs.specification import command, component_kinds, pipeline
from app.jobs.specification.command import CommandJob
from app.jobs.specification.component import Component
from app.jobs.specification.component_kinds import AnyComponent
from app.jobs.specification.interface import filled_outputs, with_component
from app.jobs.specification.kinds import KINDS, kind_of_job
from app.jobs.specification.local_files import is_local
from app.jobs.specification.pipeline import PipelineJob
from app.jobs.specification.pipeline_component import PipelineComponent
from app.jobs.specification.references import placed
from app.kit.documents import Document, read
from app.kit.sections import Problems, Section, kind_of

FindComponent = Callable[[str | Component], AnyComponent]


def load_command_job(
    source: str | Mapping[str, Any],
    *,
    source_name: str = "job.yml",
    find_component: FindComponent | None = None,
    uploads: Mapping[str, str] | None = None,
) -> CommandJob:
    """Read a commandJob, sweepJob or pipelineJob of Azure ML CLI v2 from YAML, JSON or a mapping.

    A job that names a component has its command, and a pipeline its steps, only where `find_component` is given:
    it answers the component with addresses for its local paths, and `uploads` the addresses of those of the steps.
    Raises Invalid: the message says line, column and field of the first problem, what is wrong and what would be
    right; `details` holds the other problems and `target` the field. Fields that do not exist are `warnings`,
    which name the right one.
    """
    document = _read(source, source_name, "a job file is a mapping of fields such as `command: python train.py`")
    problems = Problems(document)
    kind = kind_of_job(problems, document.value)
    if kind == "pipeline":
        job = _pipeline(problems, find_component, uploads or {})
    else:
        file = Section(problems, document.value, what=KINDS[kind].what)
        file.check_fields(KINDS[kind].fields, command.SET_BY_SERVER)
        job, file = KINDS[kind].read(file)
        if job.component and find_component:
            job = _with_component(file, job, find_component(job.component))
    problems.raise_found()
    return replace(job, warnings=tuple(dict.fromkeys(problems.warnings)))


def _with_component(file: Section, job: CommandJob, component: AnyComponent) -> CommandJob:
    if not isinstance(component, Component) or component.type != "command":
        raise Invalid(f"component: it is a {component.type} component; a {job.type} job runs a command.", target="type")
    return replace(with_component(file, job, component), component=_named(job.component, component))


def _named(written: str | Any, component: AnyComponent) -> str | AnyComponent:
    is_registered = isinstance(written, str) and not is_local(written)
    return f"azureml:{component.name}:{component.version}" if is_registered else component


def _pipeline(problems: Problems, find: FindComponent | None, uploads: Mapping[str, str]) -> PipelineJob:
    file = Section(problems, problems.document.value, what="a pipeline job")
    file.check_fields(pipeline.FIELDS, command.SET_BY_SERVER)
    written = file.values.get("component")
    if find is None:
        jobs = written.get("jobs", {}) if isinstance(written, dict) else file.mapping("jobs")
        return replace(pipeline.read_header(file), component=written if isinstance(written, str) else None, jobs=jobs)
    if written is None:
        return pipeline.read(file, placed(problems, file.mapping("jobs"), uploads, find))
    if isinstance(written, dict):
        section = file.section("component", "a pipeline component")
        inner = component_kinds.read_any(section)
        component = replace(inner, jobs=placed(problems, inner.jobs, uploads, find, (*section.path, "jobs")))
    else:
        component = find(written)
    if not isinstance(component, PipelineComponent):
        raise Invalid(f"component: it is a {component.type} component; a pipeline job runs a pipeline.", target="type")
    job = pipeline.read(file, component.jobs, component)
    return replace(job, component=_named(written, component))


def load_component(source: str | Mapping[str, Any], *, source_name: str = "component.yml") -> AnyComponent:
    """Read a component of Azure ML CLI v2; raises Invalid as `load_command_job` does.

    The steps of a pipeline component are read when it is used; see `check_steps`.
    """
    document = _read(source, source_name, "a component file is a mapping of fields such as `command: python train.py`")
    problems = Problems(document)
    component = component_kinds.read_any(Section(problems, document.value, what="a command component"))
    problems.raise_found()
    return replace(component, warnings=tuple(dict.fromkeys(problems.warnings)))


def check_steps(
    component: PipelineComponent, source: str, source_name: str, uploads: Mapping[str, str], find: FindComponent
) -> PipelineComponent:
    """A pipeline component with addresses for the local paths of its steps, and with their components in them.

    The steps are read with values that its inputs might have; raises Invalid for what is wrong in `source`.
    """
    problems = Problems(_read(source, source_name, ""))
    jobs = placed(problems, component.jobs, uploads, find)
    file = Section(problems, {**problems.document.value, "settings": None}, what="a pipeline component")
    outputs = filled_outputs(file, {}, component.outputs)
    header = PipelineJob(command="", inputs=component.examples, outputs=outputs)
    pipeline.with_steps(header, file, jobs, ("jobs",), component)
    problems.raise_found()
    return replace(component, jobs=jobs, warnings=tuple(dict.fromkeys((*component.warnings, *problems.warnings))))


def _read(source: str | Mapping[str, Any], source_name: str, form: str) -> Document:
    document = read(source, source_name)
    if not isinstance(document.value, dict):
        raise Invalid(f"{source_name}: {form}; it holds {kind_of(document.value)}.", target="command")
    return document
