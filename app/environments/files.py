"""An environment file of Azure ML CLI v2, or the same fields in a job, read into one normalised form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.environments.conda import read_conda
from app.errors import Invalid
from app.kit.documents import read
from app.kit.sections import Problems, Section, kind_of

FIELDS = (
    "name",
    "version",
    "description",
    "tags",
    "image",
    "conda_file",
    "build",
    "inference_config",
    "os_type",
    "datastore",
    "id",
    "auto_delete_setting",
)
SET_BY_SERVER = ("creation_context", "latest_version", "intellectual_property")
DOCKERFILE = "Dockerfile"


@dataclass(frozen=True)
class EnvironmentFile:
    """`definition` has those of image, conda_file, build and inference_config that are given.

    `conda_file` and `build.path` may still be paths on the client's machine. `warnings` say what is not used.
    """

    name: str | None
    version: str | None = None
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    definition: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def load(source: str | Mapping[str, Any], source_name: str = "environment.yml") -> EnvironmentFile:
    """Read an environment file; raises Invalid with all of its problems, each with line and column."""
    document = read(source, source_name)
    if not isinstance(document.value, dict):
        raise Invalid(
            f"{source_name}: an environment file is a mapping of fields such as `conda_file: conda.yml`; it holds "
            f"{kind_of(document.value)}.",
            target="environment",
        )
    problems = Problems(document)
    section = Section(problems, document.value, what="an environment")
    definition = read_definition(section)
    found = EnvironmentFile(
        section.text("name", required=True),
        section.text("version"),
        section.text("description") or "",
        section.texts("tags"),
        definition,
    )
    problems.raise_found()
    return EnvironmentFile(**{**vars(found), "warnings": tuple(dict.fromkeys(problems.warnings))})


def read_definition(environment: Section) -> dict[str, Any]:
    """What an environment is made of; notes every problem in `environment.problems`."""
    environment.check_fields(FIELDS, SET_BY_SERVER)
    environment.choice("os_type", ("linux", "windows"))
    if str(environment.values.get("os_type")).lower() == "windows":
        environment.wrong("os_type", "is windows; jobs run on Linux here.")
    found = {
        "image": environment.text("image"),
        "conda_file": _conda(environment),
        "build": _build(environment),
        "inference_config": environment.mapping("inference_config") or None,
    }
    if "build" in environment and ("image" in environment or "conda_file" in environment):
        environment.wrong("build", "stands beside `image` or `conda_file`; give one of the two ways, not both.")
    if not any(name in environment for name in ("image", "conda_file", "build")):
        name = f"`{'.'.join(map(str, environment.path))}`" if environment.path else "the file"
        environment.problems.add(
            environment.path,
            f"{name} defines nothing to run in; give `conda_file`, `image`, or `build` with a Dockerfile.",
        )
    return {name: value for name, value in found.items() if value is not None}


def _conda(environment: Section) -> str | dict[str, Any] | None:
    conda = environment.values.get("conda_file")
    if isinstance(conda, dict):
        read_conda(environment.problems, conda, (*environment.path, "conda_file"))
    elif conda is not None and (not isinstance(conda, str) or not conda.strip()):
        environment.wrong("conda_file", f"must be a path or a conda definition, not {kind_of(conda)}.")
        return None
    return conda


def _build(environment: Section) -> dict[str, str] | None:
    if "build" not in environment:
        return None
    build = environment.section("build", "a build context")
    build.check_fields(("path", "dockerfile_path"))
    path = build.text("path", required=True)
    return {"path": path or "", "dockerfile_path": build.text("dockerfile_path") or DOCKERFILE}
