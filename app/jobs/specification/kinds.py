"""The kinds of job files: which there are, how one is told, and which reader takes it."""

from collections.abc import Callable
from difflib import get_close_matches

from app.errors import Invalid
from app.jobs.specification import command, sweep
from app.jobs.specification.command import CommandJob
from app.jobs.specification.section import Problems

Reader = Callable[[Problems, dict], CommandJob]
READERS: dict[str, Reader] = {"command": command.read, "sweep": sweep.read}

# Kinds of Azure ML, with a field that only they have, for files that leave `type` out.
ELSEWHERE = {
    "pipeline": "jobs",
    "sweep": "trial",
    "automl": "task",
    "spark": "entry",
    "parallel": "mini_batch_size",
    "import": "source",
    "data_transfer": None,
    "finetuning": "training_data",
    "distillation": "teacher_model_endpoint",
}


def kind_of_job(problems: Problems, value: dict) -> str:
    """The kind, by `type` or by its fields; raises Invalid for one that is not known or not supported."""
    kind = value.get("type")
    where = problems.document.where(("type",))
    if kind is None and "command" not in value:
        kind = next((name for name, mark in ELSEWHERE.items() if mark and mark in value), None)
        where = problems.document.where((ELSEWHERE[kind],), key=True) if kind else where
    kind = "command" if kind is None else kind
    if isinstance(kind, str) and kind in READERS:
        return kind
    supported = ", ".join(READERS)
    if isinstance(kind, str) and kind in ELSEWHERE:
        text = f"this is a {kind} job, which this server does not support yet; it runs: {supported}."
        raise Invalid(f"{where}: {text}", target="type")
    close = get_close_matches(str(kind), [*READERS, *ELSEWHERE], 1, 0.6)
    hint = f"did you mean `{close[0]}`?" if close else f"it must be one of: {supported}."
    raise Invalid(f"{where}: `type` is {kind!r}; {hint}", target="type")
