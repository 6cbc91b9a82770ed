"""What there is to know of an environment that jobs and deployments run in: how it is built and what is in it."""

import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from app.environments import builder, queries
from app.environments.specification import EnvironmentSpec, digest

_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;*]+)")
NOT_BUILT, BUILDING, READY, FAILED = "Not built", "Building", "Ready", "Failed"


@dataclass(frozen=True)
class Standing:
    """`state` is Not built, Building, Ready or Failed; `packages` are pairs of name and version.

    Versions are exact once it is built, before that as they are asked for. `seconds` is how long the build took,
    `error` why it failed.
    """

    state: str
    digest: str
    python_version: str
    packages: list[tuple[str, str]]
    seconds: float | None = None
    error: str | None = None
    built_at: datetime | None = None

    @property
    def is_exact(self) -> bool:
        return self.state == READY


def of(session: Session, spec: EnvironmentSpec, root: Path) -> Standing:
    """`root` is this machine's folder of built environments, which may have what no worker has told of."""
    name, asked = digest(spec), [_package(requirement) for requirement in spec.requirements]
    python = spec.python_version or ".".join(map(str, sys.version_info[:2]))
    row = queries.build_of(session, name)
    if row is not None:
        seconds = (row.ended_at - row.started_at).total_seconds() if row.ended_at else None
        packages = [(item[0], item[1]) for item in row.packages] or asked
        return Standing(
            row.state, name, row.python_version or python, packages, seconds, row.error, row.ended_at or row.started_at
        )
    if builder.find(spec, root) is None:
        return Standing(NOT_BUILT, name, python, asked)
    told = _told(root / name / builder.READY)
    packages = [(item[0], item[1]) for item in told.get("packages", [])] or asked
    return Standing(READY, name, told.get("python_version") or python, packages, told.get("seconds"))


def _package(requirement: str) -> tuple[str, str]:
    found = _PINNED.match(requirement)
    if found:
        return found[1], found[2]
    name = re.match(r"[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?", requirement)
    return (name[0], requirement[name.end() :].strip()) if name else (requirement, "")


def _told(file: Path) -> dict:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
