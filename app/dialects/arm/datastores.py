"""Datastores: the workspace's own, in the shape of a blob container, under the names that clients ask for."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.access.guard import CallerDep, allow, note
from app.assets.addresses import DATASTORE
from app.data.permissions import READ
from app.dialects.arm import answers, run_files, storage
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.permissions import FILES_TOKEN
from app.errors import NotFound
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/datastores")
DEFAULT = ("default", run_files.DATASTORE, DATASTORE)


def _own(request: Request, workspace: str, name: str = DATASTORE) -> dict:
    properties = {
        "datastoreType": "AzureBlob",
        "accountName": storage.account(request, workspace),
        "containerName": run_files.CONTAINER if name == run_files.DATASTORE else storage.FILES,
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


@router.get("", dependencies=[allow(READ)])
def datastores(workspace: str, request: Request) -> JSONResponse:
    return JSONResponse({"value": [_own(request, workspace)]})


@router.get("/{name}", dependencies=[allow(READ)])
def get(workspace: str, name: str, request: Request) -> JSONResponse:
    _check(name)
    return JSONResponse(_own(request, workspace, name))


@router.post("/{name}/listSecrets", dependencies=[allow(FILES_TOKEN)])
def secrets(name: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """A token for the files of the workspace, which ends within the hour and with the caller's own."""
    _check(name)
    note(session, "datastores", name)
    return JSONResponse({"secretsType": "Sas", "sasToken": storage.signature(caller)})


def _check(name: str) -> None:
    if name not in DEFAULT:
        raise NotFound(f"There is no datastore {name!r}; the workspace has {DATASTORE!r}.", target="name")
