"""What there is to know of an environment that jobs and deployments run in."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from app.environments import builder, curated
from app.environments.specification import EnvironmentSpec, digest
from app.errors import NotFound

_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)")


@dataclass(frozen=True)
class Standing:
    """`packages` are pairs of name and version; `seconds` is how long the build took, where it is known."""

    name: str
    description: str
    python_version: str
    packages: list[tuple[str, str]]
    stands_in_for: list[str]
    digest: str
    python: Path | None
    seconds: float | None

    @property
    def is_built(self) -> bool:
        return self.python is not None


def curated_environments(root: Path) -> list[Standing]:
    """`root` is the folder of built environments."""
    spec = EnvironmentSpec.curated()
    python = builder.find(spec, root)
    found = Standing(
        name=spec.name,
        description=curated.description(),
        python_version=spec.python_version or ".".join(map(str, sys.version_info[:2])),
        packages=[_package(requirement) for requirement in spec.requirements],
        stands_in_for=_aliases(),
        digest=digest(spec),
        python=python,
        seconds=_seconds(root / digest(spec) / builder.READY) if python else None,
    )
    return [found]


def get(root: Path, name: str) -> Standing:
    found = next((item for item in curated_environments(root) if item.name == name), None)
    if found is None:
        raise NotFound(f"There is no curated environment {name!r}; there is {curated.name()}.", target="name")
    return found


def _aliases() -> list[str]:
    return yaml.safe_load((curated.FOLDER / "names.yml").read_text())["aliases"]


def _package(requirement: str) -> tuple[str, str]:
    found = _PINNED.match(requirement)
    return (found[1], found[2]) if found else (requirement, "")


def _seconds(file: Path) -> float | None:
    try:
        return json.loads(file.read_text()).get("seconds")
    except (OSError, ValueError):
        return None
