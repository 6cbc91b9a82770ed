"""The curated environment: its name, the names of Azure ML that it stands in for, and its lock."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import yaml

from app.settings import PROJECT

FOLDER = Path(PROJECT, "environments", "curated")


@lru_cache
def _table() -> dict:
    return yaml.safe_load((FOLDER / "names.yml").read_text())


def name() -> str:
    return _table()["name"]


def description() -> str:
    return _table()["description"]


def is_curated(wanted: str) -> bool:
    """Whether a name is the curated environment's or one that it stands in for."""
    return wanted == name() or any(fnmatchcase(wanted.lower(), alias.lower()) for alias in _table()["aliases"])


def requirements() -> tuple[str, ...]:
    """The lock: every package with its exact version."""
    lines = (FOLDER / "requirements.txt").read_text().splitlines()
    return tuple(line.strip() for line in lines if re.match(r"[A-Za-z0-9]", line))
