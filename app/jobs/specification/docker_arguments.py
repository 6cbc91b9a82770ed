"""The arguments that a job's file may give to `docker run`: those that are taken, and how they are read.

Source: the reference of `docker run`.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from app.kit.sections import as_text

# Given to the engine as they are: they let a container out of nothing.
HARMLESS = ("--cpus", "--cpu-shares", "--shm-size", "--ulimit")
READ = ("--memory", "-m", "--pids-limit", "--gpus")
# Asked for because of shared memory, of which there is enough by `shm_size`.
NEEDLESS = ("--ipc",)


def words(resources: Mapping[str, Any]) -> list[str]:
    """Of `resources.docker_args`, a text or a list; raises ValueError for a quote that is not closed."""
    value = resources.get("docker_args")
    return [as_text(item) for item in value] if isinstance(value, list) else shlex.split(value or "")


def option(arguments: list[str], *names: str) -> str | None:
    """The value of a docker option in any of its spellings: `--memory 4g`, `--memory=4g`, `-m4g`."""
    for index, argument in enumerate(arguments):
        for name in names:
            if argument == name:
                return arguments[index + 1] if index + 1 < len(arguments) else ""
            if name.startswith("--") and argument.startswith(f"{name}="):
                return argument.removeprefix(f"{name}=")
            if not name.startswith("--") and argument.startswith(name) and not argument.startswith("--"):
                return argument.removeprefix(name).lstrip("=")
    return None


def docker_options(resources: Mapping[str, Any]) -> list[str]:
    """The harmless ones, as names and values by turns."""
    arguments = words(resources)
    found = [(name, option(arguments, name)) for name in HARMLESS]
    return [word for name, value in found if value for word in (name, value)]


def left_out(arguments: Sequence[str]) -> list[str]:
    """The names of options that are neither given on nor read, and would be missed."""
    names = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    return [name for name in names if name not in (*HARMLESS, *READ, *NEEDLESS) and not name.startswith("-m")]
