"""Data assets as Azure's clients make and read them."""

from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.assets import addresses
from app.assets.addresses import Stored, stored_address
from app.data import service
from app.data.permissions import READ, WRITE
from app.data.queries import DATA
from app.data.tables import DataAsset, DataVersion
from app.dialects.arm import registry_files, storage
from app.dialects.arm.assets import Asset, routes
from app.errors import Conflict, Invalid


def _path(asked: dict) -> str:
    uri = asked.get("dataUri")
    if not isinstance(uri, str) or not uri:
        raise Invalid("properties.dataUri: it is missing; say where the files are.", target="properties.dataUri")
    uri = storage.address_of(uri, "properties.dataUri")
    found = addresses.parse(uri, "properties.dataUri")
    return stored_address(found.path) if isinstance(found, Stored) else uri


def long_address(request: Request, path: str) -> str:
    """An address of the workspace's store as Azure writes it, with subscription, group and workspace in it."""
    short = "azureml://datastores/"
    if not path.startswith(short):
        return path
    place = request.path_params
    if registry := place.get("registry"):
        return registry_files.url_of(request, request.state.caller, registry, path.removeprefix(stored_address("")))
    scope = f"subscriptions/{place['subscription']}/resourcegroups/{place['group']}/workspaces/{place['workspace']}"
    return f"azureml://{scope}/datastores/{path.removeprefix(short)}"


def _told(request: Request, found: DataVersion) -> dict:
    return {"dataType": found.asset.type, "dataUri": long_address(request, found.path)}


def _create(session: Session, caller: Caller, name: str, version: str, asked: dict) -> DataVersion:
    kind = asked.get("dataType") or "uri_folder"
    return service.register(
        session,
        caller.workspace.id,
        name,
        kind,
        _path(asked),
        created_by=caller.user.name,
        version=version,
        description=asked.get("description") or "",
        tags=asked.get("tags") or {},
        properties=asked.get("properties") or {},
        # Clients define the folders that a deployment will collect into before it does.
        is_filled=kind != "uri_folder",
    )


def _same(_session: Session, found: DataVersion, asked: dict) -> None:
    if _path(asked) != found.path:
        raise Conflict(
            f"Data asset {found.asset.name!r} has a version {found.version!r} with other files, and versions do not "
            "change; leave the version out for the next one.",
            target="properties.dataUri",
        )


def _container(asset: DataAsset) -> dict[str, Any]:
    return {"dataType": asset.type}


ASSETS = Asset("data", "data", DATA, READ, WRITE, _told, _create, _same, _container)
router = routes(ASSETS)
