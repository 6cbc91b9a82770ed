"""The curated environments and what they stand in for, as `environments/curated/environments.yml` says."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import yaml

from app.settings import PROJECT

FOLDER = Path(PROJECT, "environments", "curated")
REGISTRY = "azureml"
PREFIX = "azureml-"
VERSION = "1"


@dataclass(frozen=True)
class Curated:
    """`packages` are asked for without their dependencies; `requirements` is the lock, all of them exact."""

    name: str
    description: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def stands_in_for(self) -> list[str]:
        """Names of Azure ML's registry, with `*` for anything."""
        return [pattern for pattern, name in _table()["names"].items() if name == self.name]


@lru_cache
def _table() -> dict:
    return yaml.safe_load((FOLDER / "environments.yml").read_text())


@lru_cache
def environments() -> dict[str, Curated]:
    """By name; the first is the one for everything that names none."""
    return {name: _read(name, fields) for name, fields in _table()["environments"].items()}


def _read(name: str, fields: dict) -> Curated:
    lines = (FOLDER / fields["lock"]).read_text().splitlines()
    requirements = tuple(line.strip() for line in lines if re.match(r"[A-Za-z0-9]", line))
    return Curated(name, fields["description"], tuple(fields["packages"]), requirements)


def name() -> str:
    return next(iter(environments()))


def stand_in(wanted: str) -> str | None:
    """The environment that a name of Azure ML's registry stands for here."""
    wanted = wanted.lower()
    return wanted if wanted in environments() else _first(_table()["names"], wanted.removeprefix(PREFIX))


def of_image(image: str) -> str | None:
    """The environment that a container image stands for where a workspace does not say another one."""
    return _first(_table()["images"], image.lower())


def is_plain(image: str) -> bool:
    """Whether an image brings no packages of Python."""
    return any(fnmatchcase(image.lower(), pattern) for pattern in _table()["plain_images"])


def images() -> dict[str, str]:
    """The table of images by pattern, in the order in which it is read."""
    return dict(_table()["images"])


def _first(patterns: dict[str, str], text: str) -> str | None:
    return next((found for pattern, found in patterns.items() if fnmatchcase(text, pattern.lower())), None)
