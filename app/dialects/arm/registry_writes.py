"""Assets that Azure's clients make in a registry itself: their files are uploaded first, and taken in with them.

Source: `_utils/_registry_utils.py` of azure-ai-ml: `tempdatarefs`, the PUT of a version, and `datarefs`.
"""

import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.access.caller import Caller, WorkspaceRef
from app.access.guard import CallerDep, allow, note
from app.assets.addresses import stored_address
from app.dialects.arm import (
    answers,
    assets,
    codes,
    components,
    data,
    environments,
    models,
    registry_files,
    storage,
    workspaces,
)
from app.dialects.arm.answers import BodyDep
from app.dialects.arm.assets import Asset
from app.dialects.arm.cloud import address
from app.dialects.arm.permissions import REGISTRY_FILES
from app.errors import Forbidden, Invalid, NotFound
from app.kit.storage import store
from app.registries import queries
from app.registries.files import bring
from app.registries.permissions import READ, SHARE
from app.registries.tables import Registry
from app.sharing import promotions
from app.web.session import SessionDep

ASSETS = (data.ASSETS, models.ASSETS, components.ASSETS, environments.ASSETS)


def writes(prefix: str) -> APIRouter:
    """The calls below the address of a registry that put something into it, and that read files out of it."""
    router = APIRouter()
    router.add_api_route(
        prefix + "/tempdatarefs/{name}/versions/{version}", upload, methods=["PUT"], dependencies=[allow(SHARE)]
    )
    router.add_api_route(
        prefix + "/datarefs/{name}/versions/{version}",
        open_files,
        methods=["POST"],
        dependencies=[allow(REGISTRY_FILES)],
    )
    router.add_api_route(
        prefix + "/codes/{name}/versions/{version}", put_code, methods=["PUT"], dependencies=[allow(SHARE)]
    )
    router.add_api_route(
        prefix + "/codes/{name}/versions/{version}", get_code, methods=["GET"], dependencies=[allow(READ)]
    )
    for asset in ASSETS:
        path = f"{prefix}/{asset.word}/{{name}}/versions/{{version}}"
        router.add_api_route(path, _putting(asset), methods=["PUT"], dependencies=[allow(SHARE)])
        path = f"{prefix}/{asset.word}/{{name}}"
        router.add_api_route(path, _archiving(asset), methods=["PUT"], dependencies=[allow(SHARE)])
    router.add_api_route(f"{prefix}/{answers.DONE}", workspaces.done, methods=["GET"], dependencies=[allow(READ)])
    return router


def upload(registry: str, name: str, version: str, request: Request, session: SessionDep, caller: CallerDep) -> Any:
    """Where to upload the files of a version to, for an hour: a place of the caller's, from which they are taken in."""
    promotions.check_direct(caller, queries.get(session, registry))
    container = uuid.uuid4().hex
    url = storage.container_url(request, caller.workspace.name, container)
    signed = f"{url}?{storage.signature(caller, storage.path_of(container, ''))}"
    note(session, "registries", registry, after={"upload": f"{name}:{version}"})
    return JSONResponse({"blobReferenceForConsumption": _reference(url, signed), "temporaryDataReferenceId": container})


def open_files(
    registry: str, name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """An address at which the files of a version can be read for an hour."""
    queries.get(session, registry)
    uri = str(sent.get("blobUri") or "")
    path = registry_files.path_of(uri, registry)
    if path is None:
        raise Invalid(f"blobUri: {uri!r} is no address of files of {registry!r}.", target="blobUri")
    note(session, "registries", registry, after={"opened": path})
    signed = registry_files.signed_container(request, caller, registry, path)
    return JSONResponse({"blobReferenceForConsumption": _reference(uri, signed)})


def _reference(url: str, signed: str) -> dict[str, Any]:
    return {"blobUri": url, "credential": {"credentialType": "SAS", "sasUri": signed}, "storageAccountArmId": ""}


def _putting(asset: Asset):
    def put(
        registry: str, name: str, version: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
    ) -> JSONResponse:
        place = queries.get(session, registry)
        promotions.check_direct(caller, place)
        there = _at(place, caller)
        asked = _taken_in(answers.properties_of(sent), caller, place)
        found = assets.find(asset.kind, session, place.workspace_id, name, version)
        if found is None:
            found = asset.create(session, there, name, version, asked)
            note(session, "registries", registry, after={"to": f"{asset.word}/{name}:{version}"})
        else:
            asset.same(session, found, asked)
            _check_archiving(caller, place, asset.kind.owner_of(found).archived or found.archived, asked)
            assets.update(session, asset, found, name, asked)
        return _taken(request, asset.version(request, found))

    return put


def _archiving(asset: Asset):
    def put(
        registry: str, name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
    ) -> JSONResponse:
        """Archive an asset or bring it back."""
        place = queries.get(session, registry)
        found = asset.kind.get(session, place.workspace_id, name)
        asked = answers.properties_of(sent)
        _check_archiving(caller, place, found.archived, asked)
        assets.archive(session, asset, found, name, asked)
        return _taken(request, asset.asset(request, found, None))

    return put


def _check_archiving(caller: Caller, place: Registry, is_archived: bool, asked: dict) -> None:
    if asked.get("isArchived") in (None, is_archived) or promotions.may_manage(caller):
        return
    raise Forbidden(f"{caller.user.name} may not archive what is in the registry {place.name!r}.", target="isArchived")


def _taken(request: Request, answer: dict) -> JSONResponse:
    """202 with an operation that is over, after which clients read the version: older ones know no other answer."""
    where = request.url.path.partition(f"/registries/{request.path_params['registry']}/")[0]
    base = f"{address(request)}{where}/registries/{request.path_params['registry']}"
    return JSONResponse(answer, 202, {"Azure-AsyncOperation": f"{base}/{answers.DONE}", "Retry-After": "0"})


def _at(place: Registry, caller: Caller) -> Caller:
    """The caller where the assets of the registry lie."""
    home = WorkspaceRef(place.workspace_id, f"registry:{place.name}", place.name)
    return Caller(caller.user, home, caller.actions)


def _taken_in(asked: dict, caller: Caller, place: Registry) -> dict:
    """What was sent, with addresses of files that lie in the registry, where they were uploaded for it."""
    found = dict(asked)
    for field in ("modelUri", "dataUri", "codeUri"):
        if isinstance(asked.get(field), str):
            found[field] = _file_taken_in(asked[field], f"properties.{field}", caller, place)
    build = asked.get("build")
    if isinstance(build, dict) and isinstance(build.get("contextUri"), str):
        uri = _file_taken_in(build["contextUri"].rstrip("/"), "properties.build.contextUri", caller, place)
        found["build"] = build | {"contextUri": uri}
    return found


def _file_taken_in(uri: str, field: str, caller: Caller, place: Registry) -> str:
    if own := registry_files.path_of(uri, place.name):
        return stored_address(own)
    address = storage.address_of(uri, field)
    if address == uri:
        return uri
    if storage.workspace_of(uri) != caller.workspace.name:
        raise Invalid(f"{field}: {uri} was not uploaded for a registry; ask where to upload first.", target=field)
    path = storage.stored_path(uri, field)
    storage.check_upload(caller, path)
    if not storage.exists(caller.workspace.id, path):
        raise NotFound(f"{field}: there is nothing at {uri}.", target=field)
    return bring(address, caller.workspace.id, place.workspace_id)


def put_code(
    registry: str, name: str, version: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep
) -> JSONResponse:
    """Code lies in a registry as it does in a workspace, where components find it by its name."""
    place = queries.get(session, registry)
    promotions.check_direct(caller, place)
    uri = answers.properties_of(sent).get("codeUri") or ""
    path = storage.stored_path(uri, "properties.codeUri")
    storage.check_upload(caller, path)
    if not storage.exists(caller.workspace.id, path):
        raise NotFound(f"properties.codeUri: there is nothing at {uri}.", target="properties.codeUri")
    there = storage.path_of(codes.container_of(name, version), path.rstrip("/").rpartition("/")[2])
    if not storage.exists(place.workspace_id, there):
        store().copy(storage.key_of(caller.workspace.id, path), storage.key_of(place.workspace_id, there))
    note(session, "registries", registry, after={"to": f"codes/{name}:{version}"})
    return _taken(request, _code(request, session, registry, name, version))


def get_code(registry: str, name: str, version: str, request: Request, session: SessionDep) -> JSONResponse:
    return JSONResponse(_code(request, session, registry, name, version))


def _code(request: Request, session: Session, registry: str, name: str, version: str) -> dict:
    place = queries.get(session, registry)
    path = storage.path_of(codes.container_of(name, version), "")
    folder = storage.only_folder(place.workspace_id, path)
    if folder is None:
        raise NotFound(f"There is no code {name!r} of version {version!r} in {registry!r}.", target="name")
    properties = {"codeUri": stored_address(f"{path}/{folder}".rstrip("/")), "properties": {}, "tags": {}}
    return answers.resource(request, f"codes/{name}/versions/{version}", properties)
