"""The page of one endpoint, a tab an address."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.endpoints import bodies, queries, service, snippets, standing, streams
from app.endpoints.permissions import KEYS, READ, ROTATE, WRITE
from app.endpoints.routes import address
from app.endpoints.tables import OnlineEndpoint
from app.errors import NotFound
from app.web.session import SessionDep
from app.web.sse import stream
from app.web.templating import templates

router = APIRouter(prefix="/{name}", include_in_schema=False)


def context_of(request: Request, caller: Caller, endpoint: OnlineEndpoint, tab: str, **more: Any) -> dict:
    """What every tab's template needs; each extends `endpoints/endpoint.html`."""
    return {
        "endpoint": endpoint,
        "tab": tab,
        "scoring_uri": f"{address(request, caller)}/endpoints/{endpoint.name}/score",
        "may_write": caller.can(WRITE.name),
        "may_see_keys": caller.can(KEYS.name),
        **more,
    }


def details_context(request: Request, session: Session, caller: Caller, endpoint: OnlineEndpoint) -> dict:
    standings = [standing.of(session, deployment) for deployment in endpoint.deployments]
    return context_of(request, caller, endpoint, "details", standings=standings)


@router.get("", dependencies=[allow(READ)])
def details(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    context = details_context(request, session, caller, endpoint)
    return templates.TemplateResponse(request, "endpoints/details.html", context)


@router.get("/_deployments", dependencies=[allow(READ)])
def deployments_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    context = details_context(request, session, caller, endpoint)
    return templates.TemplateResponse(request, "endpoints/_deployments.html", context)


@router.get("/events", dependencies=[allow(READ)])
def events(name: str, session: SessionDep, caller: CallerDep) -> StreamingResponse:
    """Server-sent events `endpoints`: something is not as it was."""
    queries.get(session, caller.workspace.id, name)
    return stream(streams.change_events())


@router.get("/consume", dependencies=[allow(READ)])
def consume(name: str, request: Request, session: SessionDep, caller: CallerDep, with_key: bool = False) -> Response:
    """How programs call the endpoint; `with_key` puts the primary key into the code."""
    endpoint = queries.get(session, caller.workspace.id, name)
    keys = service.keys(endpoint) if caller.can(KEYS.name) and endpoint.auth_mode == "key" else None
    serving = bodies.likeliest(endpoint)
    example = bodies.example(serving.model_version if serving else None)
    context = context_of(request, caller, endpoint, "consume", keys=keys, with_key=bool(keys and with_key))
    key = keys["primaryKey"] if context["with_key"] else None
    context |= {
        "openapi_uri": f"{address(request, caller)}/endpoints/{endpoint.name}/swagger.json",
        "snippets_of_call": snippets.calls(context["scoring_uri"], example, endpoint.auth_mode, key),
        "may_rotate": caller.can(ROTATE.name),
    }
    return templates.TemplateResponse(request, "endpoints/consume.html", context)


@router.get("/logs", dependencies=[allow(READ)])
def logs(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    deployment: str = "",
    instance: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """What the scoring servers print."""
    endpoint = queries.get(session, caller.workspace.id, name)
    names = [item.name for item in endpoint.deployments]
    if deployment and deployment not in names:
        known = ", ".join(names) or "none"
        raise NotFound(f"deployment: there is no deployment {deployment!r}; there is {known}.", target="deployment")
    likeliest = bodies.likeliest(endpoint)
    chosen = deployment or (likeliest.name if likeliest else "")
    counts = {item.name: item.instance_count for item in endpoint.deployments}
    context = context_of(request, caller, endpoint, "logs", chosen=chosen, instance=instance)
    context["instance_count"] = max(counts.get(chosen, 0), instance + 1)
    return templates.TemplateResponse(request, "endpoints/logs.html", context)
