"""Paths on the client's machine: how they are told from addresses, and what stands for them once they are sent."""

import re
from collections.abc import Mapping

from app.errors import Invalid
from app.kit.documents import read
from app.kit.sections import kind_of

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:.*", re.DOTALL)


def is_local(path: str) -> bool:
    """Whether a path is one on the client's machine: every other form starts with a scheme, as in `azureml:`."""
    return not _ADDRESS.fullmatch(path) or path.startswith("file:")


def is_definition(text: str) -> bool:
    return "\n" in text.strip()


def check_uploaded(paths: Mapping[str, str], uploads: Mapping[str, str], noun: str) -> None:
    missing = [f"{field}: {path!r}" for field, path in paths.items() if path not in uploads]
    if missing:
        raise Invalid(
            f"{missing[0]} is a path on your machine, which the server cannot read. `atelier {noun} create -f FILE` "
            "uploads it; or upload it to /api/uploads and give its address in `uploads`.",
            target=missing[0].split(":")[0],
            details=[f"{text} is missing too." for text in missing[1:]],
        )


def conda_of(written: str, uploads: Mapping[str, str]) -> dict:
    """The conda definition that is written in a file, or that it names; raises Invalid for one that is none."""
    text = written if is_definition(written) else uploads[written]
    name = "conda_file" if is_definition(written) else written
    definition = read(text, name).value
    if not isinstance(definition, dict):
        raise Invalid(
            f"environment.conda_file: {name} holds {kind_of(definition)}; it must hold the text of a conda file.",
            target="environment.conda_file",
        )
    return definition
