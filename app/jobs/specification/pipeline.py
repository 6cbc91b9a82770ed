"""A pipelineJob of Azure ML CLI v2: steps that pass their outputs on, read into one normalised form."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from app.jobs.specification.command import CommandJob, read_command_job
from app.jobs.specification.control_flow import ControlFlow
from app.jobs.specification.graph import check_graph
from app.jobs.specification.interface import filled_inputs, filled_outputs
from app.jobs.specification.pipeline_component import PipelineComponent
from app.jobs.specification.ports import LITERAL_TYPES, Output, Port
from app.jobs.specification.steps import Scope, Step, read_steps
from app.kit.documents import Path
from app.kit.sections import Section

FIELDS = (
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "type",
    "compute",
    "component",
    "inputs",
    "outputs",
    "jobs",
    "settings",
    "services",
    "identity",
    "parent_job_name",
)
SETTINGS = ("default_compute", "default_datastore", "continue_on_step_failure", "force_rerun")


@dataclass(frozen=True)
class PipelineJob(CommandJob):
    """`jobs` are the steps as they are written, `steps` as they are understood once their components are found."""

    jobs: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    type: str = "pipeline"

    def to_dict(self) -> dict[str, Any]:
        """`order` keeps the steps as they stand in the file, since PostgreSQL sorts names."""
        steps = {name: step.to_dict() for name, step in self.steps.items()}
        found = super().to_dict()
        return {key: value for key, value in found.items() if key not in ("jobs", "steps", "settings")} | {
            "pipeline": {"settings": self.settings, "jobs": steps, "order": list(steps)}
        }


def read(file: Section, jobs: dict[str, Any], component: PipelineComponent | None = None) -> PipelineJob:
    """The job of a file whose `jobs` name no component any more; with `component`, its steps are that one's.

    Notes every problem in `file.problems` and raises nothing.
    """
    job = read_header(file)
    if component is None:
        return with_steps(job, file, jobs, (*file.path, "jobs"))
    inputs = filled_inputs(file, job.inputs, component.inputs, tolerant=True)
    outputs = filled_outputs(file, job.outputs, component.outputs)
    at = (*file.path, *(("component",) if "component" in file else ()), "jobs")
    return with_steps(replace(job, inputs=inputs, outputs=outputs), file, jobs, at, component)


def read_header(file: Section) -> PipelineJob:
    """All but the steps."""
    header = {key: value for key, value in file.values.items() if key not in ("component", "jobs")}
    common = read_command_job(Section(file.problems, {**header, "command": "true"}, file.path, file.what))
    said = {name: getattr(common, name) for name in common.__dataclass_fields__ if name not in ("type", "command")}
    if "component" not in file and not file.mapping("jobs"):
        file.wrong("jobs", "is missing: a pipeline needs at least one step.")
    settings = file.section("settings", "the settings of a pipeline")
    settings.check_fields(SETTINGS)
    return PipelineJob(
        **said,
        command="",
        jobs=file.mapping("jobs"),
        settings={
            "default_compute": _compute(settings) or common.compute,
            "default_datastore": (settings.text("default_datastore") or "").removeprefix("azureml:") or None,
            "continue_on_step_failure": settings.boolean("continue_on_step_failure", False),
            "force_rerun": settings.boolean("force_rerun", False),
        },
    )


def _compute(settings: Section) -> str | None:
    compute = settings.text("default_compute")
    return compute.removeprefix("azureml:") if compute else None


def with_steps(
    job: PipelineJob, file: Section, jobs: dict[str, Any], at: Path, component: PipelineComponent | None = None
) -> PipelineJob:
    """The pipeline with its steps read, bound and checked as a graph; `at` is where they stand in the file."""
    section = Section(file.problems, jobs, at, "the steps of a pipeline")
    scope = Scope(
        section,
        job.inputs,
        job.outputs,
        _types(file, "inputs", job.inputs, component.inputs if component else {}),
        _types(file, "outputs", job.outputs, component.outputs if component else {}),
        declared=component.inputs if component else (),
    )
    flow = ControlFlow(scope)
    steps = read_steps(replace(scope, jobs=flow.plain, loops=flow.bodies, collected=flow.collected), nested)
    steps = flow.apply(steps, _repeated)
    check_graph(section, steps)
    return replace(job, steps=steps, outputs=_outputs(file, job.outputs, steps, scope.output_types))


def _repeated(body: Step, steps: dict[str, Step], settings: dict[str, Any]) -> Step:
    """A pipeline in the place of a step that is run more than once."""
    # Each run names its own outputs as assets.
    outputs = {name: replace(output, name=None, version=None) for name, output in body.job.outputs.items()}
    job = PipelineJob(command="", outputs=outputs, steps=steps, settings=settings)
    return replace(body, job=job, component=None)


def _types(file: Section, field: str, names: Iterable[str], declared: dict[str, Port]) -> dict[str, str | None]:
    """The types that somebody said."""
    written = file.mapping(field)
    said = {name: written[name].get("type") if isinstance(written.get(name), dict) else None for name in names}
    return said | {name: port.type for name, port in declared.items()}


def _outputs(
    file: Section, outputs: dict[str, Output], steps: dict[str, Step], said: dict[str, str | None]
) -> dict[str, Output]:
    """Outputs with the type of the step that writes them, where the file does not say one."""
    written = {output: (step, port) for step in steps.values() for port, output in step.targets.items()}
    found = {}
    for name, output in outputs.items():
        if name not in written:
            file.section("outputs").warn(name, f"is written by no step; bind one to `${{{{parent.outputs.{name}}}}}`.")
        step, port = written.get(name, (None, None))
        kind = step.job.outputs[port].type if step and port in step.job.outputs else output.type
        found[name] = replace(output, type=_plain(said[name]) or kind)
    return found


def _plain(said: str | None) -> str | None:
    return None if said in (*LITERAL_TYPES, "path") else said


def nested(file: Section, component: PipelineComponent) -> PipelineJob:
    """A step that is a pipeline itself."""
    return read(file, component.jobs, component)
