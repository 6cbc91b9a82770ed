"""An AutoML job of Azure ML CLI v2: a task on a table, on images or on text, for which models are searched."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from app.jobs.specification.automl_fields import DATA, TASKS, Kind
from app.jobs.specification.command import FIELDS as COMMAND_FIELDS
from app.jobs.specification.command import CommandJob, read_command_job
from app.kit.sections import Section, as_text, kind_of

_OF_A_COMMAND = ("command", "component", "code", "inputs", "environment", "limits", "distribution", "retry_settings")
_OF_TASKS = tuple(dict.fromkeys(name for fields in TASKS.values() for name in fields))
FIELDS = (
    *(name for name in COMMAND_FIELDS if name not in _OF_A_COMMAND),
    "task",
    "target_column_name",
    "log_verbosity",
    "environment_id",
    *DATA,
    *_OF_TASKS,
)
_VERBOSITIES = ("not_set", "debug", "info", "warning", "error", "critical")
_NAMES = {bool: "true or false", int: "a whole number from 1", float: "a number", str: "text", dict: "a mapping"}


@dataclass(frozen=True)
class AutoMLJob(CommandJob):
    """Its data are the inputs of the job; `automl` holds the task and its settings as the file says them."""

    automl: dict[str, Any] = field(default_factory=dict)
    type: str = "automl"


def read(file: Section) -> tuple[AutoMLJob, Section]:
    """Notes every problem in `file.problems`."""
    file.warn("type", "is automl: the file is checked and the job kept, but this server does not run AutoML yet.")
    task = _task(file)
    kinds = TASKS.get(task or "", {})
    for name in _OF_TASKS if task else ():
        if name in file and name not in kinds:
            file.warn(name, f"is not a field of the task {task}.")
    said = {name: _value(file, name, kind) for name, kind in kinds.items() if name in file}
    said |= {"task": task, "target_column_name": file.text("target_column_name", required=task != "text_ner")}
    said["log_verbosity"] = file.choice("log_verbosity", _VERBOSITIES)
    _check(file, task, said)
    settings = {name: item for name, item in said.items() if item is not None}
    job = _as_command(file)
    attributes = {name: getattr(job, name) for name in job.__dataclass_fields__ if name != "type"} | {"command": ""}
    return AutoMLJob(**attributes, automl=settings), file


def with_inputs(step: Section) -> Section:
    """A step of a pipeline whose tables stand under `inputs`, where they are bound as those of any step."""
    tables = {name: step.values[name] for name in DATA if name in step}
    rest = {name: value for name, value in step.values.items() if name not in DATA}
    return Section(step.problems, rest | {"inputs": tables}, step.path, step.what)


def with_tables(step: Section) -> Section:
    """What `with_inputs` put aside, in its place again."""
    rest = {name: value for name, value in step.values.items() if name != "inputs"}
    return Section(step.problems, rest | step.mapping("inputs"), step.path, step.what)


def _task(file: Section) -> str | None:
    if "task" not in file:
        file.wrong("task", f"is missing; it must be one of: {', '.join(TASKS)}.")
    return file.choice("task", TASKS)


def _as_command(file: Section) -> CommandJob:
    """What every job has; the data stand where the inputs of a job do."""
    if "training_data" not in file:
        file.wrong("training_data", "is missing; name a table, such as {type: mltable, path: azureml:NAME:VERSION}.")
    kept = {name: value for name, value in file.values.items() if name not in _OF_A_COMMAND}
    data = {name: _data(file, name) for name in DATA if name in file}
    section = Section(file.problems, {**kept, "inputs": data}, file.path, what="an AutoML job")
    return read_command_job(section, Section(file.problems, {"command": "automl"}, file.path, what="an AutoML job"))


def _data(file: Section, name: str) -> dict[str, Any]:
    """A path alone names the table as well."""
    value = file.values[name]
    if not isinstance(value, dict):
        return {"type": "mltable", "path": value}
    given = file.section(name)
    given.check_fields(("type", "path", "mode", "path_on_compute", "datastore"))
    given.choice("type", ("mltable",))
    given.text("path", required=True)
    return {"type": "mltable", "path": value.get("path") or "missing", "mode": value.get("mode")}


def _value(part: Section, name: str, kind: Kind) -> Any:
    """The value of a field, or None for one that is wrong, which is noted."""
    value = part.values[name]
    if isinstance(kind, dict):
        inner = part.section(name)
        inner.check_fields(kind)
        return {key: _value(inner, key, kind[key]) for key in inner.values if key in kind and key in inner}
    if _fits(value, kind):
        return as_text(value) if kind is str else value
    if isinstance(kind, list) and isinstance(value, list):
        wrong = [item for item in value if not _fits(item, kind[0])]
        part.wrong(name, f"holds {wrong[0]!r}; {_hint(wrong[0], kind[0])}")
    else:
        shown = repr(value) if not isinstance(value, dict | list) else kind_of(value)
        part.wrong(name, f"is {shown}; {_hint(value, kind)}")
    return None


def _fits(value: Any, kind: Kind) -> bool:
    match kind:
        case tuple():
            return any(value == one if isinstance(one, str) else _fits(value, one) for one in kind)
        case list():
            return isinstance(value, list) and all(_fits(item, kind[0]) for item in value)
    if kind is str:
        return not isinstance(value, dict | list)
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _hint(value: Any, kind: Kind) -> str:
    words = [one for one in kind if isinstance(one, str)] if isinstance(kind, tuple) else []
    close = get_close_matches(str(value).lower(), words, 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else f"it must be {_allowed(kind)}."


def _allowed(kind: Kind) -> str:
    if isinstance(kind, list):
        return f"a list, of which each is {_allowed(kind[0])}"
    if isinstance(kind, tuple):
        words = ", ".join(one for one in kind if isinstance(one, str))
        others = [_allowed(one) for one in kind if not isinstance(one, str)]
        return " or ".join([f"one of: {words}" if "," in words else words, *others] if words else others)
    return _NAMES[kind]


def _check(file: Section, task: str | None, said: dict[str, Any]) -> None:
    """What fields say of one another."""
    for name in ("validation_data_size", "test_data_size"):
        if (share := said.get(name)) is not None and not 0 < share < 1:
            file.wrong(name, f"is {share}; it is a share of the training data, between 0 and 1.")
    for other in ("n_cross_validations", "validation_data_size"):
        if "validation_data" in file and other in file:
            file.wrong(other, "cannot stand beside `validation_data`; leave one of them out.")
    if task == "forecasting" and "time_column_name" not in file.section("forecasting"):
        file.section("forecasting").wrong("time_column_name", "is missing: a forecast needs the column of the time.")
    _check_limits(file.section("limits"), said.get("limits") or {})
    _check_algorithms(file.section("training"), said.get("training") or {})


def _check_limits(part: Section, limits: dict[str, Any]) -> None:
    for less, more in (("max_concurrent_trials", "max_trials"), ("trial_timeout_minutes", "timeout_minutes")):
        if (limits.get(less) or 0) > (limits.get(more) or float("inf")):
            part.wrong(less, f"is {limits[less]}; it may be at most {more}, {limits[more]}.")


def _check_algorithms(part: Section, training: dict[str, Any]) -> None:
    allowed = set(training.get("allowed_training_algorithms") or ())
    if both := sorted(allowed & set(training.get("blocked_training_algorithms") or ())):
        part.wrong("blocked_training_algorithms", f"holds {both[0]!r}, which is allowed as well; leave it out of one.")
