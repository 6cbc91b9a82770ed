"""Registered models as Azure's clients make and read them."""

from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.assets.addresses import stored_address
from app.dialects.arm import storage
from app.dialects.arm.assets import Asset, routes
from app.dialects.arm.data import long_address
from app.errors import Conflict, Invalid
from app.models import queries, service
from app.models.permissions import READ, WRITE
from app.models.queries import MODELS
from app.models.tables import ModelVersion, RegisteredModel


def _source(asked: dict) -> str:
    uri = asked.get("modelUri")
    if not isinstance(uri, str) or not uri:
        raise Invalid("properties.modelUri: it is missing; say where the files are.", target="properties.modelUri")
    return storage.address_of(uri, "properties.modelUri")


def _own(found: ModelVersion) -> str:
    return stored_address(found.path.partition("/")[2].partition("/")[2])


def _told(request: Request, found: ModelVersion) -> dict:
    return {
        "modelType": found.type,
        "modelUri": long_address(request, _own(found)),
        # Clients read an item of it without a look at whether it is there.
        "flavors": {name: {"data": _flat(value)} for name, value in (found.flavors or {}).items()},
        "stage": None if found.stage == "None" else found.stage,
        "jobName": None,
    }


def _flat(value: Any) -> dict[str, str]:
    return {str(name): str(item) for name, item in value.items()} if isinstance(value, dict) else {}


def _create(session: Session, caller: Caller, name: str, version: str, asked: dict) -> ModelVersion:
    made = service.register(
        session,
        workspace_id=caller.workspace.id,
        name=name,
        source=_source(asked),
        type=asked.get("modelType") or None,
        description=asked.get("description") or "",
        tags=asked.get("tags") or {},
        properties=asked.get("properties") or {},
        version=version,
        created_by=caller.user.name,
    )
    if stage := asked.get("stage"):
        service.move_to_stage(session, made, stage)
    return made


def _same(_session: Session, found: ModelVersion, asked: dict) -> None:
    source = _source(asked)
    short = "azureml://datastores/" + source.partition("/datastores/")[2] if "/datastores/" in source else source
    if short not in (_own(found), found.source) and source != found.source:
        raise Conflict(
            f"Model {found.model.name!r} has a version {found.shown} with other files, and versions do not change; "
            "leave the version out for the next one.",
            target="properties.modelUri",
        )


def _next(session: Session, model: RegisteredModel) -> int:
    return service.next_version(session, model)


ASSETS = Asset(
    "models",
    "models",
    MODELS,
    READ,
    WRITE,
    _told,
    _create,
    _same,
    list_page=queries.page,
    next_version=_next,
    called=lambda version: version.shown,
)
router = routes(ASSETS)
