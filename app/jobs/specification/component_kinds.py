"""The kinds of components: which there are, how one is told, and which reader takes it."""

from app.errors import Invalid
from app.jobs.specification import component, pipeline_component
from app.jobs.specification.component import SET_BY_SERVER, Component
from app.jobs.specification.pipeline_component import PipelineComponent
from app.kit.sections import Section

AnyComponent = Component | PipelineComponent
KINDS = ("command", "pipeline")
# What only one kind of component has, for files that leave `type` out.
MARKS = {
    "pipeline": "jobs",
    "parallel": "mini_batch_size",
    "spark": "entry",
    "sweep": "trial",
    "data_transfer": "task",
    "automl": "primary_metric",
}


def read_any(file: Section) -> AnyComponent:
    """Notes every problem in `file.problems`; raises Invalid for a kind of component that is not known here."""
    kind = kind_of_component(file)
    if kind == "pipeline":
        whole = Section(file.problems, file.values, file.path, "a pipeline component")
        whole.check_fields(pipeline_component.FIELDS, SET_BY_SERVER)
        return pipeline_component.read_pipeline_component(whole)
    return component.read_component(file)


def kind_of_component(file: Section) -> str:
    kind = file.values.get("type")
    if kind is None and "command" not in file:
        kind = next((name for name, mark in MARKS.items() if mark in file), None)
    if kind is None or kind in KINDS:
        return kind or "command"
    where = file.problems.document.where((*file.path, "type"))
    known = ", ".join(KINDS)
    if kind in MARKS:
        text = f"this is a {kind} component, which this server does not keep yet; it keeps: {known}."
    else:
        text = f"`{file.name_of('type')}` is {kind!r}; it must be one of: {known}."
    raise Invalid(f"{where}: {text}", target=file.name_of("type"))
