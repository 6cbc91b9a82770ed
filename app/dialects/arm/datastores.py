"""Datastores: the workspace's own, in the shape of a blob container, and those that were defined beside it."""

from typing import Any

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.assets.addresses import DATASTORE
from app.connections import definitions
from app.connections.definition_routes import remove, save
from app.data.permissions import READ as FILES_READ
from app.datastores.kinds import DATASTORES
from app.datastores.permissions import READ, SECRETS, WRITE
from app.datastores.tables import Datastore
from app.dialects.arm import answers, run_files, storage
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.permissions import FILES_TOKEN
from app.dialects.arm.wire import fields, mapping, pascal, snake, wire
from app.errors import Invalid, Unsupported
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/datastores")
opened = APIRouter(prefix="/datastore/v1.0" + WORKSPACE + "/datastores")
OF_AZURE = ("azure_blob", "azure_file", "azure_data_lake_gen1", "azure_data_lake_gen2", "one_lake")
_SECRETS = {
    "account_key": "key",
    "sas_token": "sasToken",
    "client_secret": "clientSecret",
    "certificate": "certificate",
}
"""The secret fields of a file, and what they are called on the wire."""
_OPENED = {"sas": "Sas", "account_key": "AccountKey", "none": "None"}
"""Credentials by which clients read the files of a datastore themselves, and what the datastore service calls them."""


def _own(request: Request, workspace: str, container: str = storage.FILES) -> dict:
    properties = {
        "datastoreType": "AzureBlob",
        "accountName": storage.account(request, workspace),
        "containerName": container,
        "endpoint": storage.suffix(request),
        "protocol": "https",
        "isDefault": True,
        "description": "The files of this workspace.",
        "tags": {},
        "properties": {},
        "credentials": {"credentialsType": "Sas"},
        "serviceDataAccessAuthIdentity": "None",
    }
    return answers.resource(request, f"datastores/{DATASTORE}", properties)


def _shown(request: Request, found: Datastore) -> dict:
    """Raises Unsupported for the types that Azure's clients do not know."""
    if found.type not in OF_AZURE:
        raise Unsupported(f"Datastore {found.name!r} is of the type {found.type}, which Azure's clients do not know.")
    credentials = {name: value for name, value in found.credentials.items() if name != "type"}
    type = pascal(found.credentials.get("type", "none"))
    properties: dict[str, Any] = {
        "datastoreType": pascal(found.type),
        "description": found.description,
        "tags": found.tags,
        "properties": {},
        "isDefault": False,
        "credentials": {"credentialsType": type, **wire(credentials)},
        **wire(found.settings),
    }
    if artifact := found.settings.get("artifact"):
        properties["artifact"] = {"artifactName": artifact.get("name"), "artifactType": "LakeHouse"}
    return answers.resource(
        request, f"datastores/{found.name}", properties, created_at=found.created_at, created_by=found.created_by
    )


def _file(name: str, asked: dict) -> str:
    """The datastore file that the properties stand for."""
    type = snake(str(asked.get("datastoreType") or ""))
    if type not in OF_AZURE:
        raise Invalid(
            f"properties.datastoreType: it is not one of {', '.join(pascal(kind) for kind in OF_AZURE)}.",
            target="properties.datastoreType",
        )
    known = ("datastoreType", "isDefault", "properties", "credentials", "serviceDataAccessAuthIdentity", "artifact")
    file = {"name": name, "type": type, **fields(asked, without=(*known, "subscriptionId", "resourceGroup"))}
    if artifact := mapping(asked, "artifact"):
        file["artifact"] = {"name": artifact.get("artifactName"), "type": "lake_house"}
    credentials = mapping(asked, "credentials")
    secrets = mapping(credentials, "secrets", "properties.credentials")
    kind = snake(str(credentials.get("credentialsType") or "None"))
    given = fields(credentials, without=("credentialsType", "secrets"))
    given |= {field: secrets[word] for field, word in _SECRETS.items() if secrets.get(word)}
    file["credentials"] = {"type": kind, **given}
    return yaml.safe_dump(file, sort_keys=False, allow_unicode=True)


@router.get("", dependencies=[allow(READ)])
def datastores(
    workspace: str, request: Request, session: SessionDep, caller: CallerDep, paging: PagingDep
) -> JSONResponse:
    """The workspace's own first, then those of the types that Azure's clients know."""
    found = DATASTORES.page(session, caller.workspace.id, number=paging.number, size=paging.size)
    shown = [_shown(request, row) for row in found.rows if row.type in OF_AZURE]
    return paging.answer(found, [_own(request, workspace), *shown] if paging.number == 1 else shown)


@router.get(f"/{DATASTORE}", dependencies=[allow(FILES_READ)])
@router.get("/default", dependencies=[allow(FILES_READ)])
def own(workspace: str, request: Request) -> JSONResponse:
    return JSONResponse(_own(request, workspace))


@router.get(f"/{run_files.DATASTORE}", dependencies=[allow(FILES_READ)])
def of_runs(workspace: str, request: Request) -> JSONResponse:
    """Where clients look for the logs and artifacts of jobs."""
    return JSONResponse(_own(request, workspace, run_files.CONTAINER))


@router.get("/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return JSONResponse(_shown(request, DATASTORES.get(session, caller.workspace.id, name)))


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    new = DATASTORES.read(_file(name, answers.properties_of(sent)))
    existed = DATASTORES.find(session, caller.workspace.id, name) is not None
    return JSONResponse(_shown(request, save(DATASTORES, session, caller, new)), 200 if existed else 201)


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    remove(DATASTORES, session, caller, name)
    return Response(status_code=200)


@router.post(f"/{DATASTORE}/listSecrets", dependencies=[allow(FILES_TOKEN)])
@router.post(f"/{run_files.DATASTORE}/listSecrets", dependencies=[allow(FILES_TOKEN)])
def files_token(session: SessionDep, caller: CallerDep) -> JSONResponse:
    """A token for the files of the workspace, which ends within the hour and with the caller's own."""
    note(session, "datastores", DATASTORE)
    return JSONResponse({"secretsType": "Sas", "sasToken": storage.signature(caller)})


@router.post("/{name}/listSecrets", dependencies=[allow(SECRETS)])
def secrets(name: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = DATASTORES.get(session, caller.workspace.id, name)
    known = definitions.secrets(found)
    note(session, "datastores", name)
    told = {word: known[field] for field, word in _SECRETS.items() if field in known}
    return JSONResponse({"secretsType": pascal(found.credentials.get("type", "none")), **told})


@opened.get(f"/{DATASTORE}", dependencies=[allow(FILES_TOKEN)])
@opened.get("/default", dependencies=[allow(FILES_TOKEN)])
def open_own(workspace: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Where the files of the workspace are with a token for them, as azureml-fsspec and mltable ask for both."""
    note(session, "datastores", DATASTORE)
    own = {"account_name": storage.account(request, workspace), "container_name": storage.FILES}
    return _opened(DATASTORE, own | {"endpoint": storage.suffix(request)}, "sas", storage.signature(caller))


@opened.get("/{name}", dependencies=[allow(SECRETS)])
def open_other(name: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """The same of another datastore. Raises Unsupported for all but blobs that a key or a token opens, or anybody."""
    found = DATASTORES.get(session, caller.workspace.id, name)
    type = found.credentials.get("type", "none")
    if found.type != "azure_blob" or type not in _OPENED:
        raise Unsupported(
            f"Datastore {name!r} is of the type {found.type} with credentials of the type {type}; its files are read "
            "outside of jobs where it is an azure_blob with an account_key, a sas or no credentials.",
            target="name",
        )
    note(session, "datastores", name)
    secret = next(iter(definitions.secrets(found).values()), None)
    return _opened(name, {"endpoint": "core.windows.net"} | found.settings, type, secret)


def _opened(name: str, settings: dict[str, Any], type: str, secret: str | None) -> JSONResponse:
    section = {
        "accountName": settings["account_name"],
        "containerName": settings["container_name"],
        "endpoint": settings["endpoint"],
        "protocol": "https",
        "credentialType": _OPENED[type],
        "credential": secret,
        "isSas": type == "sas",
    }
    return JSONResponse({"name": name, "dataStoreType": "AzureBlob", "azureStorageSection": section})
