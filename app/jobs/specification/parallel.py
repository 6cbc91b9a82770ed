"""A parallel step of a pipeline: an entry script that is given its input in mini-batches, many at a time.

Source: Azure ML CLI v2, parallel job schema.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.jobs.specification.command import CommandJob, read_command_job
from app.jobs.specification.component import COMMON, Component, check_command, optional_inputs, read_common
from app.jobs.specification.environment import read_environment
from app.jobs.specification.interface import filled_inputs, filled_outputs
from app.jobs.specification.ports import Port
from app.kit.sections import Section

TASK_FIELDS = (
    "type",
    "code",
    "entry_script",
    "program_arguments",
    "model",
    "append_row_to",
    "append_row_file_name",
    "environment",
)
# The entry script of a task of type model, which is the server's own.
SCORE_MODEL = "score_model.py"
OWN_FIELDS = (
    "task",
    "mini_batch_size",
    "partition_keys",
    "input_data",
    "retry_settings",
    "max_concurrency_per_instance",
    "error_threshold",
    "mini_batch_error_threshold",
    "logging_level",
)
COMPONENT_FIELDS = (*COMMON, *OWN_FIELDS, "resources")
FIELDS = (
    *OWN_FIELDS,
    "type",
    "display_name",
    "description",
    "tags",
    "properties",
    "compute",
    "resources",
    "environment",
    "environment_variables",
    "inputs",
    "outputs",
    "identity",
)
RETRIES, TIMEOUT_SECONDS = 2, 60
_PORT = re.compile(r"\s*\$\{\{\s*(inputs|outputs)\.(\w+)\s*\}\}\s*")
_SIZE = re.compile(r"\s*(\d+)\s*([kmg]?)b?\s*", re.IGNORECASE)
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True)
class ParallelJob(CommandJob):
    """`parallel` says how the input is cut and what may fail; see `_parallel`."""

    parallel: dict[str, Any] = field(default_factory=dict)
    type: str = "parallel"


@dataclass(frozen=True)
class ParallelComponent(Component):
    """`fields` are those that only parallel components have, as they are written."""

    fields: dict[str, Any] = field(default_factory=dict)
    type: str = "parallel"

    def to_dict(self) -> dict[str, Any]:
        found = super().to_dict()
        of_task = {name: found.pop(name) for name in ("code", "environment") if name in found}
        found = {name: value for name, value in found.items() if name not in ("command", "fields")}
        return found | self.fields | {"task": {**self.fields.get("task", {}), **of_task}}


def read_parallel_component(file: Section) -> ParallelComponent:
    """Notes every problem in `file.problems` and raises nothing."""
    common = read_common(file)
    task, parallel = read_task(file, common)
    check_command(task, task.values["command"], optional=optional_inputs(common["inputs"]))
    _check_outputs(file, parallel, common)
    return ParallelComponent(
        **common,
        command=task.values["command"],
        code=task.text("code"),
        environment=read_environment(task),
        fields={name: file.values[name] for name in OWN_FIELDS if name in file},
    )


def read(file: Section, component: ParallelComponent | None) -> ParallelJob:
    """The job of a step; what it says itself goes before what its component says."""
    ports: Mapping[str, Any] = file.values
    if component is not None:
        of_component = component.to_dict()
        said = {name: of_component[name] for name in (*OWN_FIELDS, "resources") if name in of_component}
        file = Section(file.problems, {**said, **file.values}, file.path, file.what)
        ports = {"inputs": component.inputs, "outputs": component.outputs}
    task, parallel = read_task(file, ports)
    job = read_command_job(_header(file), task)
    _check_outputs(file, parallel, ports)
    given = {name: getattr(job, name) for name in job.__dataclass_fields__ if name != "type"}
    # Retries are of mini-batches.
    found = replace(ParallelJob(**given), parallel=parallel, max_retries=0)
    if component is None:
        return found
    return replace(
        found,
        display_name=job.display_name or component.display_name,
        inputs=filled_inputs(file, job.inputs, component.inputs),
        outputs=filled_outputs(file, job.outputs, component.outputs),
    )


def _header(file: Section) -> Section:
    """All but the task. As many of the instances as there are workers share the processes."""
    resources = {key: value for key, value in file.mapping("resources").items() if key != "instance_count"}
    return Section(file.problems, {**file.values, "resources": resources}, file.path, file.what)


def read_task(file: Section, ports: Mapping[str, Any]) -> tuple[Section, dict[str, Any]]:
    """The task with the `command` that stands for it, and how its input is cut and what may fail.

    `ports` holds the `inputs` and `outputs` that expressions may name.
    """
    task = file.section("task", "the task of a parallel step")
    if "task" not in file:
        text = "is missing; give `{type: run_function, code: ./src, entry_script: score.py, environment: NAME}`."
        file.wrong("task", text)
    task.check_fields(TASK_FIELDS)
    task.choice("type", ("run_function", "function", "model"))
    is_model = task.values.get("type") == "model" and "entry_script" not in task
    script = (task.text("entry_script", required="task" in file and not is_model) or "run.py").removeprefix("file:")
    script = SCORE_MODEL if is_model else script
    values = {
        **task.values,
        "inputs": dict(ports.get("inputs") or {}),
        "outputs": dict(ports.get("outputs") or {}),
        "command": f"python {script} {task.text('program_arguments') or ''}".strip(),
        "environment": task.values.get("environment", file.values.get("environment")),
        "environment_variables": file.values.get("environment_variables"),
    }
    whole = Section(file.problems, values, task.path, task.what)
    return whole, _parallel(file, whole, script) | _model(whole, is_model)


def _model(task: Section, is_model: bool) -> dict[str, Any]:
    """The input that is the model: its folder is AZUREML_MODEL_DIR. A task of type model scores with it by MLflow."""
    text = str(task.values.get("model", ""))
    if text and not text.lstrip().startswith("$"):
        task.warn("model", "is not used by this server; give the model as an input: `model: ${{inputs.NAME}}`.")
        text = ""
    if is_model and not text:
        task.wrong("model", "is missing; name the input that is the model: `${{inputs.NAME}}`.")
    named = _port(task, "model", "inputs") if text else None
    return {"model": named, "scores_model": is_model} if named else {}


def _parallel(file: Section, task: Section, script: str) -> dict[str, Any]:
    """`size` is of a mini-batch: `{"files": n}`, or `{"bytes": n}` of rows. Thresholds of -1 let everything fail."""
    retry = file.section("retry_settings")
    retry.check_fields(("max_retries", "timeout"))
    retries, timeout = retry.integer("max_retries"), retry.integer("timeout", least=1)
    each = file.integer("max_concurrency_per_instance", least=1)
    instances = file.section("resources").integer("instance_count", least=1)
    keys = file.values.get("partition_keys")
    if keys is not None and (not isinstance(keys, list) or not all(isinstance(key, str) for key in keys)):
        file.wrong("partition_keys", "must be a list of names of columns.")
        keys = None
    append = _port(task, "append_row_to", "outputs") if "append_row_to" in task else None
    return {
        "entry_script": script,
        "input": _port(file, "input_data", "inputs", task.values["inputs"]),
        "size": _size(file),
        "partition_keys": keys,
        "concurrency": (each or 1) * (instances or 1),
        "instances": instances or 1,
        "error_threshold": _threshold(file, "error_threshold"),
        "mini_batch_error_threshold": _threshold(file, "mini_batch_error_threshold"),
        "max_retries": RETRIES if retries is None else retries,
        "timeout_seconds": timeout or TIMEOUT_SECONDS,
        "append_row_to": append,
        "append_row_file_name": task.text("append_row_file_name"),
        "logging_level": file.choice("logging_level", ("DEBUG", "INFO", "WARNING"), "INFO"),
    }


def _port(file: Section, name: str, kind: str, known: Mapping[str, Any] | None = None) -> str | None:
    """The name in `${{inputs.x}}`; an only input need not be named."""
    text = file.text(name)
    if text is None:
        if len(known or {}) == 1:
            return next(iter(known))
        file.wrong(name, "is missing; name the input that is cut into mini-batches: `${{inputs.NAME}}`.")
        return None
    found = _PORT.fullmatch(text)
    if found is None or found[1] != kind:
        file.wrong(name, f"is {text!r}; write `${{{{{kind}.NAME}}}}`.")
        return None
    known = file.values[kind] if known is None else known
    if found[2] not in known:
        file.wrong(name, f"names {found[2]!r}; the step has these {kind}: {', '.join(known) or 'none'}.")
    return found[2]


def _size(file: Section) -> dict[str, int] | None:
    text = file.text("mini_batch_size")
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) < 1:
        file.wrong("mini_batch_size", f"is {text!r}; give a number of files such as 10, or a size such as 10kb.")
        return None
    return {"bytes": int(found[1]) * _UNITS[found[2].lower()]} if found[2] else {"files": int(found[1])}


def _threshold(file: Section, name: str) -> int:
    value = file.values.get(name)
    text = str(-1 if value is None else value)
    if not re.fullmatch(r"-1|\d+", text):
        file.wrong(name, f"is {value!r}; it must be a whole number, or -1 to let everything fail.")
        return -1
    return int(text)


def _check_outputs(file: Section, parallel: dict[str, Any], ports: Mapping[str, Any]) -> None:
    """Rows are appended to a file or into a folder, never to a value."""
    port = (ports.get("outputs") or {}).get(parallel["append_row_to"])
    if isinstance(port, Port) and port.is_literal:
        file.section("task").wrong("append_row_to", f"names an output that is a {port.type}; it must be a uri_file.")
