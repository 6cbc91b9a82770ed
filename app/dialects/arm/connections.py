"""Connections as Azure's clients define and read them.

Source: WorkspaceConnectionPropertiesV2 of api-version 2024-04-01-preview, and what azure-ai-ml puts into `metadata`.
"""

from typing import Any

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.connections import definitions
from app.connections.definition_routes import remove, save
from app.connections.kinds import ADDRESSES, CONNECTIONS, TYPES
from app.connections.permissions import READ, SECRETS, WRITE
from app.connections.tables import Connection
from app.dialects.arm import answers
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.wire import fields, mapping, pascal, said, wire
from app.errors import Invalid
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/connections")
_CATEGORIES = {
    "azure_data_lake_gen2": "ADLSGen2",
    "custom": "CustomKeys",
    "azure_ai_search": "CognitiveSearch",
    "azure_ai_services": "AIServices",
    "azure_content_safety": "CognitiveService",
    "azure_speech_services": "CognitiveService",
    "azure_open_ai": "AzureOpenAI",
    "open_ai": "OpenAI",
}
_SERVICES = {"content safety": "azure_content_safety", "speech": "azure_speech_services"}
"""What a cognitive service is told from others by, in its metadata."""
_KNOWN = {type.replace("_", ""): type for type in TYPES}
_KNOWN |= {category.lower(): type for type, category in _CATEGORIES.items() if category != "CognitiveService"}
_AUTHENTICATIONS = {
    "pat": "PAT", "sas": "SAS", "aad": "AAD", "none": "None", "api_key": "ApiKey", "account_key": "AccountKey",
    "access_key": "AccessKey", "username_password": "UsernamePassword", "service_principal": "ServicePrincipal",
    "managed_identity": "ManagedIdentity",
}  # fmt: skip
_SECRETS = {"account_key": {"sas": "account_key", "key": "account_key"}, "sas": {"sas": "sas_token"}}
"""Fields of credentials that a file calls otherwise."""
_METADATA = {
    "ApiVersion": "api_version",
    "ApiType": "api_type",
    "ContainerName": "container_name",
    "AccountName": "account_name",
}
_RESOURCES = {"azure_open_ai": "open_ai_resource_id", "azure_ai_services": "ai_services_resource_id"}


def _names(type: str) -> dict[str, str]:
    """The metadata that is a field of its own in a file."""
    return _METADATA | ({"ResourceId": _RESOURCES[type]} if type in _RESOURCES else {})


def _shown(request: Request, found: Connection, secrets: dict[str, str] | None = None) -> dict:
    settings, type = found.settings, found.type
    metadata = {str(name): str(value) for name, value in (settings.get("metadata") or {}).items()}
    metadata |= {word: settings[name] for word, name in _names(type).items() if settings.get(name)}
    kind = next((kind for kind, service in _SERVICES.items() if service == type), None)
    metadata |= {"Kind": kind} if kind else {}
    authentication = found.credentials.get("type", "none")
    given = {name: value for name, value in found.credentials.items() if name != "type"} | (secrets or {})
    words = {name: word for word, name in _SECRETS.get(authentication, {}).items()}
    properties = {
        "category": _CATEGORIES.get(type) or pascal(type),
        "authType": _AUTHENTICATIONS.get(authentication, "None"),
        "target": next((settings[name] for name in ADDRESSES if settings.get(name)), None),
        "isSharedToAll": settings.get("is_shared", True),
        "metadata": metadata,
        # Clients look into it without asking whether it is there.
        "credentials": wire({words.get(name, name): value for name, value in given.items()}),
    }
    return answers.resource(
        request,
        f"connections/{found.name}",
        properties,
        created_at=found.created_at,
        created_by=found.created_by,
        changed_at=found.updated_at,
    )


def _type(asked: dict) -> str:
    category = str(asked.get("category") or "")
    kind = str(mapping(asked, "metadata").get("Kind", "")).lower()
    found = _SERVICES.get(kind) if category.lower() == "cognitiveservice" else _KNOWN.get(category.lower())
    if found is None:
        known = sorted({_CATEGORIES.get(type) or pascal(type) for type in TYPES})
        raise Invalid(
            f"properties.category: {category!r} is no kind of connection here; it is one of {', '.join(known)}.",
            target="properties.category",
        )
    return found


def _credentials(asked: dict) -> dict[str, Any]:
    sent = str(asked.get("authType") or "None")
    type = next((type for type, word in _AUTHENTICATIONS.items() if word.lower() == sent.lower()), None)
    if type is None:
        raise Invalid(
            f"properties.authType: {sent!r} is not one of {', '.join(_AUTHENTICATIONS.values())}.",
            target="properties.authType",
        )
    words = _SECRETS.get(type, {})
    given = fields(mapping(asked, "credentials"), without=["securityToken"])
    return {"type": type} | {words.get(name, name): value for name, value in given.items()}


def _file(name: str, asked: dict, present: Connection | None) -> str:
    """The connection file that the properties stand for; what they have no words for stays as it was."""
    type = _type(asked)
    metadata, names = mapping(asked, "metadata"), _names(type)
    file = {
        "name": name,
        "type": type,
        "description": present.description if present else None,
        "tags": present.tags if present else None,
        "target": asked.get("target"),
        "is_shared": asked.get("isSharedToAll"),
        "metadata": {key: value for key, value in metadata.items() if key not in (*names, "Kind")},
        "credentials": _credentials(asked),
    }
    file |= {names[key]: value for key, value in metadata.items() if key in names}
    return yaml.safe_dump(said(file), sort_keys=False, allow_unicode=True)


@router.get("", dependencies=[allow(READ)])
def connections(
    request: Request, session: SessionDep, caller: CallerDep, paging: PagingDep, category: str = ""
) -> JSONResponse:
    type = _KNOWN.get(category.lower(), category)
    found = CONNECTIONS.page(session, caller.workspace.id, type=type, number=paging.number, size=paging.size)
    return paging.answer(found, lambda row: _shown(request, row))


@router.get("/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return JSONResponse(_shown(request, CONNECTIONS.get(session, caller.workspace.id, name)))


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Define a connection, or change the one of that name."""
    present = CONNECTIONS.find(session, caller.workspace.id, name)
    new = CONNECTIONS.read(_file(name, answers.properties_of(sent), present))
    return JSONResponse(_shown(request, save(CONNECTIONS, session, caller, new)))


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    remove(CONNECTIONS, session, caller, name)
    return Response(status_code=200)


@router.post("/{name}/listsecrets", dependencies=[allow(SECRETS)])
def secrets(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """The connection with the secret fields of its credentials."""
    found = CONNECTIONS.get(session, caller.workspace.id, name)
    note(session, "connections", name)
    return JSONResponse(_shown(request, found, definitions.secrets(found)))
