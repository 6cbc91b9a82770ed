"""Azure's calls about online endpoints: their traffic, keys and tokens."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, online_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.cloud import address
from app.dialects.arm.permissions import KEYS
from app.dialects.arm.wire import mapping
from app.endpoints import queries, service, tokens
from app.endpoints.permissions import READ, ROTATE, WRITE
from app.endpoints.tables import OnlineEndpoint
from app.errors import Invalid
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/onlineEndpoints")
TARGET = "online-endpoints"


def shown(request: Request, endpoint: OnlineEndpoint) -> dict:
    place = url_for_workspace(request.path_params["workspace"], f"/endpoints/{endpoint.name}")
    return answers.resource(
        request,
        f"onlineEndpoints/{endpoint.name}",
        online_shapes.endpoint(endpoint, address(request) + place),
        created_at=endpoint.created_at,
        created_by=endpoint.created_by,
        changed_at=endpoint.updated_at,
        location=online_shapes.LOCATION,
        tags=endpoint.tags,
        kind="Managed",
        identity={"type": "SystemAssigned"},
    )


@router.get("", dependencies=[allow(READ)])
def endpoints(request: Request, session: SessionDep, caller: CallerDep, paging: PagingDep) -> JSONResponse:
    found = queries.page(session, caller.workspace.id, number=paging.number, size=paging.size)
    return paging.answer(found, lambda endpoint: shown(request, endpoint))


@router.get("/{endpoint}", dependencies=[allow(READ)])
def get(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return answers.body(shown(request, queries.get(session, caller.workspace.id, endpoint)))


@router.put("/{endpoint}", dependencies=[allow(WRITE)])
def put(endpoint: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    asked, changes = mapping(sent, "properties", "body"), online_shapes.changes_of(sent)
    mode = online_shapes.auth_mode_of(asked)
    found = queries.find(session, caller.workspace.id, endpoint)
    if found is None:
        own = {"auth_mode": mode, "properties": mapping(asked, "properties")}
        found = service.create(session, caller.workspace.id, endpoint, created_by=caller.user.name, **own)
        service.change(session, found, **changes)
        note(session, TARGET, endpoint, after={"auth_mode": mode, **changes})
        return answers.body(shown(request, found), 201)
    if found.auth_mode != mode:
        raise Invalid(
            f"properties.authMode: endpoint {endpoint!r} has {found.auth_mode!r}, which cannot be changed.",
            target="properties.authMode",
        )
    return _change(request, session, found, changes)


@router.patch("/{endpoint}", dependencies=[allow(WRITE)])
def patch(endpoint: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    return _change(request, session, found, online_shapes.changes_of(sent))


def _change(request: Request, session: SessionDep, found: OnlineEndpoint, changes: dict) -> JSONResponse:
    before = {name: getattr(found, name) for name in changes}
    service.change(session, found, **changes)
    note(session, TARGET, found.name, before=before, after=changes)
    return answers.body(shown(request, found))


@router.delete("/{endpoint}", dependencies=[allow(WRITE)])
def delete(endpoint: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.find(session, caller.workspace.id, endpoint)
    if found is None:
        return Response(status_code=204)
    service.delete(session, found)
    note(session, TARGET, endpoint)
    return Response(status_code=200)


@router.post("/{endpoint}/listKeys", dependencies=[allow(KEYS)])
def keys(endpoint: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    found = queries.get(session, caller.workspace.id, endpoint)
    note(session, TARGET, endpoint)
    return _never_kept(service.keys(found))


@router.post("/{endpoint}/regenerateKeys", dependencies=[allow(ROTATE)])
def regenerate_keys(endpoint: str, sent: BodyDep, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, endpoint)
    which = str(sent.get("keyType", "")).lower()
    note(session, TARGET, endpoint, after={"key": which})
    return _never_kept(service.regenerate_key(session, found, which))


@router.post("/{endpoint}/token", dependencies=[allow(KEYS)])
def token(endpoint: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """A token of the caller's own that scores by endpoints whose mode is a token, for as long as one lasts."""
    queries.get(session, caller.workspace.id, endpoint)
    note(session, TARGET, endpoint)
    return _never_kept(tokens.of(caller, address(request)))


def _never_kept(body: dict) -> JSONResponse:
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
