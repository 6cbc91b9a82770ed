"""What the forms of an endpoint's page do: each is posted and leads back to a page."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.data.pages_new import read_tags, written_tags
from app.endpoints import compilation, pages_endpoint, queries, service
from app.endpoints.permissions import ROTATE, WRITE
from app.endpoints.tables import OnlineEndpoint
from app.errors import Invalid
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}", include_in_schema=False)


def to_endpoint(caller: Caller, path: str = "") -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/endpoints{path}"), 303)


@router.post("/traffic", dependencies=[allow(WRITE)])
def traffic(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    deployment: Annotated[list[str], Form()] = [],
    share: Annotated[list[str], Form()] = [],
) -> Response:
    """Shares in percent, one a deployment, in the order of their names."""
    endpoint = queries.get(session, caller.workspace.id, name)
    before = dict(endpoint.traffic)
    try:
        if len(deployment) != len(share):
            raise Invalid("traffic: each deployment takes one share.", target="traffic")
        wanted = {item: _percent(item, text) for item, text in zip(deployment, share, strict=True)}
        service.change(session, endpoint, traffic={item: part for item, part in wanted.items() if part})
    except Invalid as error:
        context = pages_endpoint.details_context(request, session, caller, endpoint)
        context |= {"wanted": dict(zip(deployment, share, strict=False)), "error": error}
        return refuse(request, session, "endpoints/details.html", error, context)
    note(session, "online-endpoints", name, before={"traffic": before}, after={"traffic": endpoint.traffic})
    return to_endpoint(caller, f"/{name}")


def _percent(deployment: str, text: str) -> int:
    text = text.strip() or "0"
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise Invalid(f"traffic: {text!r} for {deployment} is no whole number from 0 to 100.", target="traffic")
    return int(text)


@router.post("/deployments/{deployment}/all-traffic", dependencies=[allow(WRITE)])
def send_all_traffic(name: str, deployment: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    endpoint = queries.get_deployment(session, caller.workspace.id, name, deployment).endpoint
    before = dict(endpoint.traffic)
    service.change(session, endpoint, traffic={deployment: 100})
    note(session, "online-endpoints", name, before={"traffic": before}, after={"traffic": endpoint.traffic})
    return to_endpoint(caller, f"/{name}")


@router.post("/deployments/{deployment}/compilation", dependencies=[allow(WRITE)])
def compile_or_not(
    name: str, deployment: str, session: SessionDep, caller: CallerDep, on: Annotated[bool, Form()]
) -> RedirectResponse:
    found = queries.get_deployment(session, caller.workspace.id, name, deployment)
    before = compilation.is_on(found)
    service.compile_or_not(session, found, on)
    note(session, "deployments", f"{name}/{deployment}", before={"compile": before}, after={"compile": on})
    return to_endpoint(caller, f"/{name}/deployments/{deployment}")


@router.post("/deployments/{deployment}/delete", dependencies=[allow(WRITE)])
def delete_deployment(name: str, deployment: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    service.delete_deployment(session, queries.get_deployment(session, caller.workspace.id, name, deployment))
    note(session, "deployments", f"{name}/{deployment}", after={"deleted": True})
    return to_endpoint(caller, f"/{name}")


@router.post("/delete", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    service.delete(session, queries.get(session, caller.workspace.id, name))
    note(session, "online-endpoints", name, after={"deleted": True})
    return to_endpoint(caller)


@router.post("/keys", dependencies=[allow(ROTATE)])
def rotate_key(
    name: str, session: SessionDep, caller: CallerDep, key_type: Annotated[str, Form()] = ""
) -> RedirectResponse:
    service.regenerate_key(session, queries.get(session, caller.workspace.id, name), key_type)
    note(session, "online-endpoints", name, after={"key": key_type})
    return to_endpoint(caller, f"/{name}/consume")


@router.get("/edit", dependencies=[allow(WRITE)])
def edit_page(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    filled = {"description": endpoint.description, "tags": written_tags(endpoint.tags)}
    return templates.TemplateResponse(request, "endpoints/edit.html", {"endpoint": endpoint, "filled": filled})


@router.post("/edit", dependencies=[allow(WRITE)])
def edit(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    description: Annotated[str, Form()] = "",
    tags: Annotated[str, Form()] = "",
) -> Response:
    endpoint: OnlineEndpoint = queries.get(session, caller.workspace.id, name)
    try:
        after = {"description": description.strip(), "tags": read_tags(tags)}
    except Invalid as error:
        context = {"endpoint": endpoint, "filled": {"description": description, "tags": tags}}
        return refuse(request, session, "endpoints/edit.html", error, context)
    before = {"description": endpoint.description, "tags": endpoint.tags}
    service.change(session, endpoint, **after)
    note(session, "online-endpoints", name, before=before, after=after)
    return to_endpoint(caller, f"/{name}")
