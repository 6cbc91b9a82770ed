"""The kinds of components: which there are, how one is told, and which reader takes it."""

from app.errors import Invalid
from app.jobs.specification import component, data_transfer, parallel, pipeline_component
from app.jobs.specification.component import SET_BY_SERVER, Component
from app.jobs.specification.pipeline_component import PipelineComponent
from app.kit.sections import Section

AnyComponent = Component | PipelineComponent
KINDS = ("command", "data_transfer", "parallel", "pipeline")
# What only one kind of component has, for files that leave `type` out.
MARKS = {
    "data_transfer": "data_copy_mode",
    "pipeline": "jobs",
    "parallel": "task",
    "spark": "entry",
    "flow": "nodes",
    "sweep": "trial",
    "automl": "primary_metric",
}


def read_any(file: Section) -> AnyComponent:
    """Notes every problem in `file.problems`; raises Invalid for a kind of component that is not known here."""
    kind = kind_of_component(file)
    if kind == "command":
        return component.read_component(file)
    if kind == "data_transfer":
        whole = Section(file.problems, file.values, file.path, "a data transfer component")
        whole.check_fields(data_transfer.COMPONENT_FIELDS, SET_BY_SERVER)
        return component.read_component(data_transfer.as_command(whole))
    reader, fields = _READERS[kind]
    whole = Section(file.problems, file.values, file.path, f"a {kind} component")
    whole.check_fields(fields, SET_BY_SERVER)
    return reader(whole)


def kind_of_component(file: Section) -> str:
    kind = file.values.get("type")
    if kind is None and "command" not in file:
        kind = next((name for name, mark in MARKS.items() if mark in file), None)
    if kind is None or kind in KINDS:
        return kind or "command"
    where = file.problems.document.where((*file.path, "type"))
    known = ", ".join(KINDS)
    if kind in MARKS:
        text = f"this is a {kind} component, which this server does not keep; it keeps: {known}."
    else:
        text = f"`{file.name_of('type')}` is {kind!r}; it must be one of: {known}."
    raise Invalid(f"{where}: {text}", target=file.name_of("type"))


_READERS = {
    "parallel": (parallel.read_parallel_component, parallel.COMPONENT_FIELDS),
    "pipeline": (pipeline_component.read_pipeline_component, pipeline_component.FIELDS),
}
