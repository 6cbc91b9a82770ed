"""The page of one deployment: what it runs, its instances, and what can be done to it."""

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.endpoints import autoscaling, compilation, queries, standing
from app.endpoints.pages_endpoint import context_of
from app.endpoints.permissions import READ
from app.endpoints.tables import OnlineDeployment
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}/deployments/{deployment}", include_in_schema=False)


def context_of_deployment(request: Request, session: Session, caller: Caller, found: OnlineDeployment) -> dict:
    rule = found.scale_settings or {}
    return context_of(
        request,
        caller,
        found.endpoint,
        "details",
        found=standing.of(session, found),
        compiling={
            "is_possible": compilation.is_possible(found),
            "is_on": compilation.is_on(found),
            "is_current": not compilation.is_due(found),
            "crashed_at": compilation.crashed_at(found),
        },
        scale={
            "type": rule.get("type", "default"),
            "instance_count": max(found.instance_count, 1),
            "min_instances": rule.get("min_instances", 1),
            "max_instances": max(rule.get("max_instances", 1), found.instance_count),
            "target_utilization_percentage": rule.get("target_utilization_percentage", 70),
        },
        idle_seconds=autoscaling.seconds(found.properties, autoscaling.IDLE),
        most_instances=autoscaling.MOST_INSTANCES,
    )


def _answer(template: str, name: str, deployment: str, request: Request, session, caller) -> Response:
    found = queries.get_deployment(session, caller.workspace.id, name, deployment)
    return templates.TemplateResponse(request, template, context_of_deployment(request, session, caller, found))


@router.get("", dependencies=[allow(READ)])
def overview(name: str, deployment: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _answer("endpoints/deployment.html", name, deployment, request, session, caller)


@router.get("/_instances", dependencies=[allow(READ)])
def instances_fragment(
    name: str, deployment: str, request: Request, session: SessionDep, caller: CallerDep
) -> Response:
    return _answer("endpoints/_instances.html", name, deployment, request, session, caller)
