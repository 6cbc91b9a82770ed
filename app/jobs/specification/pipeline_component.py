"""A pipelineComponent of Azure ML CLI v2: steps with a typed interface, from which pipelines are made."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from app.jobs.specification.component import COMMON, read_common
from app.jobs.specification.ports import Input, Port
from app.kit.sections import Section

FIELDS = (*COMMON, "jobs", "settings")


@dataclass(frozen=True)
class PipelineComponent:
    """`jobs` are the steps as they are written; `warnings` say what is read but not used."""

    jobs: dict[str, Any]
    name: str | None = None
    version: str | None = None
    display_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    is_deterministic: bool = True
    inputs: dict[str, Port] = field(default_factory=dict)
    outputs: dict[str, Port] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    type: str = "pipeline"

    # What only commands have: all kinds are asked for it alike.
    command = code = environment = None
    resources = distribution = MappingProxyType({})

    def to_dict(self) -> dict[str, Any]:
        """The fields of its file that say something; reading them again gives the same component."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "warnings"}
        found["inputs"] = {name: port.to_dict() for name, port in self.inputs.items()}
        found["outputs"] = {name: port.to_dict() for name, port in self.outputs.items()}
        return {name: value for name, value in found.items() if value not in (None, {})}

    @property
    def examples(self) -> dict[str, Input]:
        """Values that its inputs might have, by which its steps are checked before it is used."""
        return {name: _example(port) for name, port in self.inputs.items()}


def read_pipeline_component(file: Section) -> PipelineComponent:
    """Notes every problem in `file.problems`; its steps are not looked at yet."""
    jobs = file.mapping("jobs")
    if not jobs:
        file.wrong("jobs", "is missing: a pipeline needs at least one step.")
    return PipelineComponent(**read_common(file), jobs=jobs)


def _example(port: Port) -> Input:
    if not port.is_literal:
        return Input("uri_folder" if port.type == "path" else port.type, path="azureml:example:1")
    if port.default is not None:
        return Input(port.type, value=port.default)
    if port.enum:
        return Input(port.type, value=port.enum[0])
    least = port.min if port.min is not None else port.max if port.max is not None else 1
    return Input(port.type, value={"string": "", "boolean": False}.get(port.type, least))
