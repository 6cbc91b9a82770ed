"""From the text of a job file to a job."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.errors import Invalid
from app.jobs.specification.command import CommandJob
from app.jobs.specification.document import read
from app.jobs.specification.kinds import READERS, kind_of_job
from app.jobs.specification.section import Problems, kind_of


def load_command_job(source: str | Mapping[str, Any], *, source_name: str = "job.yml") -> CommandJob:
    """Read a commandJob of Azure ML CLI v2 from YAML, JSON or a mapping.

    Raises Invalid: the message says line, column and field of the first problem, what is wrong and what
    would be right; `details` holds the other problems and `target` the field.
    """
    document = read(source, source_name)
    if not isinstance(document.value, dict):
        text = (
            f"a job file is a mapping of fields such as `command: python train.py`; it holds {kind_of(document.value)}."
        )
        raise Invalid(f"{source_name}: {text}", target="command")
    problems = Problems(document)
    job = READERS[kind_of_job(problems, document.value)](problems, document.value)
    problems.raise_found()
    return replace(job, warnings=tuple(problems.warnings))
