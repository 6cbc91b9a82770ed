"""A commandJob of Azure ML CLI v2, read from its file into one normalised form."""

import re
from dataclasses import dataclass, field
from typing import Any

from app.jobs.specification import names, ports, resources
from app.jobs.specification.component import Component, check_command, read_component
from app.jobs.specification.environment import read_environment
from app.jobs.specification.ports import Input, Output
from app.kit.sections import Section, kind_of

FIELDS = (
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "type",
    "compute",
    "command",
    "component",
    "code",
    "environment",
    "environment_variables",
    "inputs",
    "outputs",
    "resources",
    "distribution",
    "limits",
    "queue_settings",
    "services",
    "identity",
    "parent_job_name",
    "retry_settings",
)
SET_BY_SERVER = ("id", "status", "creation_context", "log_files", "parameters")
EXPERIMENT = re.compile(r"[^\x00-\x1f/]{1,255}")
VARIABLE = re.compile(r"[^=\x00]+")


@dataclass(frozen=True)
class CommandJob:
    """`environment` is a reference, an inline definition or None; `warnings` say what is read but not used.

    `component` is an address or a local path, or the component itself where it stands in the file.
    """

    command: str
    name: str | None = None
    display_name: str | None = None
    experiment_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    compute: str | None = None
    component: str | Component | None = None
    code: str | None = None
    environment: str | dict[str, Any] | None = None
    environment_variables: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Input] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    memory_bytes: int | None = None
    processes: int | None = None
    distribution: dict[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None
    max_retries: int = 0
    queue_settings: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)
    parent_job_name: str | None = None
    warnings: tuple[str, ...] = ()
    type: str = "command"

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, without what was not said. Field names are those of the attributes."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "warnings"}
        if self.component is not None and not isinstance(self.component, str):
            found["component"] = self.component.to_dict()
        found["inputs"] = {name: value.to_dict() for name, value in self.inputs.items()}
        found["outputs"] = {name: value.to_dict() for name, value in self.outputs.items()}
        return {name: value for name, value in found.items() if value not in (None, {})}


def read_command_job(job: Section, trial: Section | None = None) -> CommandJob:
    """Notes every problem in `job.problems` and raises nothing. What is run stands in `trial`, where there is one."""
    trial = trial or job
    asked = resources.read_resources(trial if "resources" in trial else job)
    component = _component(trial)
    found = CommandJob(
        command=(trial.text("command", required=component is None) or "").strip(),
        name=_name(job),
        display_name=job.text("display_name"),
        experiment_name=_experiment(job),
        description=job.text("description"),
        tags=job.texts("tags"),
        properties=job.texts("properties"),
        compute=_compute(job),
        component=component,
        code=trial.text("code"),
        environment=read_environment(trial),
        environment_variables=_variables(trial),
        inputs=ports.read_inputs(job),
        outputs=ports.read_outputs(job),
        resources=asked.fields,
        memory_bytes=asked.memory_bytes,
        processes=asked.processes,
        distribution=resources.read_distribution(trial),
        timeout_seconds=resources.read_timeout(job),
        max_retries=resources.read_retries(job),
        queue_settings=resources.read_queue_settings(job),
        services=resources.read_services(job),
        identity=resources.read_identity(job),
        parent_job_name=job.text("parent_job_name"),
    )
    check_command(trial, found.command)
    if component is not None:
        _check_takes_all(trial)
    return found


def _name(job: Section) -> str | None:
    name = job.text("name")
    if name is not None and not names.NAME.fullmatch(name):
        job.wrong("name", f"is {name!r}; {names.RULE}.")
    return name


def _experiment(job: Section) -> str | None:
    name = job.text("experiment_name")
    if name is not None and not EXPERIMENT.fullmatch(name):
        job.wrong("experiment_name", f"is {name!r}; use up to 255 characters other than '/'.")
    return name


def _compute(job: Section) -> str | None:
    compute = job.text("compute")
    return compute.removeprefix("azureml:") if compute else None


def _component(job: Section) -> str | Component | None:
    value = job.values.get("component")
    if isinstance(value, dict):
        return read_component(job.section("component", "a command component"))
    if value is not None and (not isinstance(value, str) or not value.strip()):
        form = kind_of(value) if value != "" else "empty"
        job.wrong("component", f"is {form}; give azureml:NAME:VERSION, a path such as file:./train.yml, or its fields.")
        return ""
    return value


def _check_takes_all(job: Section) -> None:
    for name in ("command", "code"):
        if name in job:
            job.wrong(name, "comes from the component; leave one of them out.")


def _variables(job: Section) -> dict[str, str]:
    variables = job.texts("environment_variables")
    for name, value in variables.items():
        if not VARIABLE.fullmatch(name) or "\x00" in value:
            job.section("environment_variables").wrong(name, "cannot be an environment variable: a name has no '='.")
    return variables


def read(file: Section) -> tuple[CommandJob, Section]:
    """The job, and its file; notes every problem and raises nothing."""
    return read_command_job(file), file
