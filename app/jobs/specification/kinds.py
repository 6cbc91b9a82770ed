"""The kinds of job files: which there are, how one is told, and which reader takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from app.errors import Invalid
from app.jobs.specification import automl, command, sweep
from app.jobs.specification.command import CommandJob
from app.kit.sections import Problems, Section


@dataclass(frozen=True)
class Kind:
    """`read` answers the job, and its file as its component shall see it."""

    what: str
    fields: tuple[str, ...]
    read: Callable[[Section], tuple[CommandJob, Section]]


KINDS = {
    "command": Kind("a command job", command.FIELDS, command.read),
    "sweep": Kind("a sweep job", sweep.FIELDS, sweep.read),
    "automl": Kind("an AutoML job", automl.FIELDS, automl.read),
}
SUPPORTED = (*KINDS, "pipeline")

# Kinds of Azure ML, with a field that only they have, for files that leave `type` out.
MARKS = {
    "pipeline": "jobs",
    "sweep": "trial",
    "automl": "primary_metric",
    "spark": "entry",
    "parallel": "task",
    "import": "source",
    "data_transfer": "data_copy_mode",
    "finetuning": "training_data",
    "distillation": "teacher_model_endpoint",
}

# What does the same here.
INSTEAD = {
    "spark": "Run the script as a `command` job whose environment has pyspark: `python ENTRY ARGS`.",
    "parallel": "Put it under `jobs` of a pipeline.",
    "data_transfer": "Put it under `jobs` of a pipeline.",
}


def kind_of_job(problems: Problems, value: dict) -> str:
    """The kind, by `type` or by its fields; raises Invalid for one that is not known or not supported."""
    kind = value.get("type")
    where = problems.document.where(("type",))
    if kind is None and "command" not in value:
        kind = next((name for name, mark in MARKS.items() if mark in value), None)
        where = problems.document.where((MARKS[kind],), key=True) if kind else where
    kind = "command" if kind is None else kind
    if kind in SUPPORTED:
        return kind
    supported = ", ".join(SUPPORTED)
    if kind in MARKS:
        text = f"this is a {kind} job, which this server does not support; it runs: {supported}."
        raise Invalid(f"{where}: {text} {INSTEAD.get(kind, '')}".rstrip(), target="type")
    close = get_close_matches(str(kind), [*SUPPORTED, *MARKS], 1, 0.6)
    hint = f"did you mean `{close[0]}`?" if close else f"it must be one of: {supported}."
    raise Invalid(f"{where}: `type` is {kind!r}; {hint}", target="type")
