"""Environments as Azure's clients make and read them."""

from typing import Any

import yaml
from fastapi import Request
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.dialects.arm import answers, storage
from app.dialects.arm.assets import Asset, container_of, routes
from app.dialects.arm.wire import camel, mapping, snake
from app.environments import curated, service
from app.environments.permissions import READ, WRITE
from app.environments.queries import ENVIRONMENTS
from app.environments.tables import EnvironmentVersion
from app.errors import Conflict

ANONYMOUS = "CliV2AnonymousEnvironment"


def _file(name: str, version: str, asked: dict) -> dict[str, Any]:
    """The environment file that the properties stand for."""
    build = asked.get("build") or {}
    file = {
        "name": name,
        "version": version,
        "description": asked.get("description"),
        "tags": asked.get("tags"),
        "image": asked.get("image"),
        "conda_file": asked.get("condaFile"),
        "os_type": asked.get("osType"),
        "inference_config": {snake(name): route for name, route in mapping(asked, "inferenceConfig").items()},
    }
    if uri := build.get("contextUri"):
        place = storage.address_of(uri.rstrip("/"), "properties.build.contextUri")
        file["build"] = {"path": place, "dockerfile_path": build.get("dockerfilePath")}
    return {field: value for field, value in file.items() if value}


def _told(request: Request, found: EnvironmentVersion) -> dict:
    definition = found.definition
    build, conda = definition.get("build"), definition.get("conda_file")
    inference = definition.get("inference_config")
    return {
        "image": definition.get("image"),
        "condaFile": conda if isinstance(conda, str) or conda is None else yaml.safe_dump(conda, sort_keys=False),
        "build": build and {"contextUri": build["path"], "dockerfilePath": build.get("dockerfile_path")},
        "inferenceConfig": inference and {camel(name): route for name, route in inference.items()},
        "osType": "Linux",
        "environmentType": "UserCreated",
        "isAnonymous": found.environment.name == ANONYMOUS,
    }


def _create(session: Session, caller: Caller, name: str, version: str, asked: dict) -> EnvironmentVersion:
    file = _file(name, version, asked)
    return service.create(session, caller.workspace.id, file, created_by=caller.user.name)


def _same(session: Session, found: EnvironmentVersion, asked: dict) -> None:
    """A version that there is is answered as it is, if what was sent says the same."""
    name = found.environment.name
    file = _file(name, found.version, asked)
    made = service.create(session, found.environment.workspace_id, file, created_by=found.created_by)
    if made.id != found.id:
        raise Conflict(f"Environment {name!r} has a version {found.version!r} already.", target="properties")


def _ready(request: Request, name: str, version: str | None) -> dict | None:
    """A curated environment under its name, or the one that stands in for an environment of Azure's."""
    kept = name if name in curated.environments() else curated.stand_in(name)
    if kept is None or version not in (None, curated.VERSION):
        return None
    found = curated.environments()[kept]
    conda = {"name": kept, "dependencies": ["pip", {"pip": list(found.packages)}]}
    properties = {
        "description": found.description,
        "tags": {},
        "properties": {},
        "image": None,
        "condaFile": yaml.safe_dump(conda, sort_keys=False),
        "osType": "Linux",
        "environmentType": "Curated",
        "isAnonymous": False,
        "isArchived": False,
    }
    return answers.resource(request, f"environments/{name}/versions/{curated.VERSION}", properties)


def curated_container(request: Request, name: str) -> dict:
    return container_of(request, ASSETS, name, _ready(request, name, None))


ASSETS = Asset(
    "environments", "environments", ENVIRONMENTS, READ, WRITE, _told, _create, _same, ready=_ready, anonymous=ANONYMOUS
)
router = routes(ASSETS)
