"""The page of one deployment: what it runs, its instances, and what can be done to it."""

from fastapi import APIRouter, Request, Response

from app.access.guard import CallerDep, allow
from app.endpoints import autoscaling, compilation, queries, standing
from app.endpoints.pages_endpoint import context_of
from app.endpoints.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}/deployments/{deployment}", include_in_schema=False)


def _answer(template: str, name: str, deployment: str, request: Request, session, caller) -> Response:
    found = queries.get_deployment(session, caller.workspace.id, name, deployment)
    context = context_of(request, caller, found.endpoint, "details", found=standing.of(session, found))
    context["compiling"] = {
        "is_possible": compilation.is_possible(found),
        "is_on": compilation.is_on(found),
        "is_current": not compilation.is_due(found),
    }
    context["most_instances"] = autoscaling.MOST_INSTANCES
    return templates.TemplateResponse(request, template, context)


@router.get("", dependencies=[allow(READ)])
def overview(name: str, deployment: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _answer("endpoints/deployment.html", name, deployment, request, session, caller)


@router.get("/_instances", dependencies=[allow(READ)])
def instances_fragment(
    name: str, deployment: str, request: Request, session: SessionDep, caller: CallerDep
) -> Response:
    return _answer("endpoints/_instances.html", name, deployment, request, session, caller)
