"""Paths on the client's machine: how they are told from addresses, and what stands for them once they are sent."""

from collections.abc import Mapping

from app.assets.addresses import is_local
from app.environments.conda import definition_of
from app.errors import Invalid

__all__ = ["check_uploaded", "conda_of", "is_definition", "is_local"]


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
    """The conda definition that is written in a file, or that it names; raises Invalid with all that is wrong."""
    is_text = is_definition(written)
    return definition_of(written if is_text else uploads[written], "conda_file" if is_text else written)
