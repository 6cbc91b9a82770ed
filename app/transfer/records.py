"""What a record holds beside MLflow's fields, and what its import answers."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from app.dialects.mlflow.arguments import Arguments
from app.errors import Invalid
from app.jobs.lifecycle import Status

STAGES = ["active", "deleted"]
PART = "atelier"
"""The field of a record below which Atelier's own fields lie; other stores have none."""


@dataclass
class Outcome:
    """`created` is false for what was here already; `missing` says in sentences which links could not be made."""

    id: str
    created: bool
    missing: list[str] = field(default_factory=list)


def stand_in(id: str, owner: object) -> str:
    """The id that a thing has here where its own is taken on this server, by a thing of another workspace.

    Always the same, so that what is imported again is found again.
    """
    return f"{id.partition('-')[0]}-{hashlib.sha256(f'{owner}/{id}'.encode()).hexdigest()[:32]}"


class JobPart(BaseModel):
    """A job beyond what MLflow knows of a run. Times are Unix milliseconds, 0 for none.

    `code` is the address of an upload; the `key` of an input is relative to the workspace's store.
    """

    type: str = Field("run", pattern="^[a-z_]{1,32}$")
    status: Status | None = None
    created_by: str = ""
    created_ms: int = Field(0, ge=0)
    queued_ms: int = Field(0, ge=0)
    started_ms: int = Field(0, ge=0)
    parent: str | None = None
    description: str | None = None
    archived: bool = False
    properties: dict[str, Any] = {}
    spec: dict[str, Any] | None = None
    source_yaml: str | None = None
    command: str | None = None
    code: str | None = None
    environment: dict[str, Any] | None = None
    inputs: dict[str, dict[str, Any]] = {}
    outputs: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    timeout_seconds: float | None = None
    max_retries: int = Field(0, ge=0)
    attempt: int = Field(0, ge=0)
    error: dict[str, Any] | None = None
    exit_code: int | None = None


class TracePart(BaseModel):
    created_by: str = ""
    is_complete: bool = True


class ModelPart(BaseModel):
    """A registered model, or a version of one, beyond what MLflow knows. `type` is a version's."""

    type: str | None = None
    archived: bool = False
    properties: dict[str, Any] = {}


Part = TypeVar("Part", bound=BaseModel)


def part_of(given: Arguments, shape: type[Part]) -> Part | None:
    """Atelier's own fields of a record; None where it has none."""
    if PART not in given:
        return None
    try:
        return shape.model_validate(given.object(PART).fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(map(str, (PART, *wrong["loc"])))
        raise Invalid(f"{name}: {wrong['msg']}.", target=name) from error


def object_of(given: Arguments, name: str) -> Arguments:
    """An object that may be left out."""
    return given.object(name) if name in given else Arguments({})
