"""The form of a deployment's page that says how many instances it has, or by which rule."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from app.access.guard import CallerDep, allow, note
from app.endpoints import pages_changes, pages_deployment, queries, scaling
from app.endpoints.permissions import WRITE
from app.endpoints.schemas import DeploymentScale
from app.endpoints.tables import OnlineDeployment
from app.errors import Invalid
from app.web.forms import refuse
from app.web.session import SessionDep

router = APIRouter(prefix="/{name}/deployments/{deployment}", include_in_schema=False)
RULE = ("min_instances", "max_instances", "target_utilization_percentage")


@router.post("/scale", dependencies=[allow(WRITE)])
def scale(
    name: str,
    deployment: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    type: Annotated[str, Form()] = "default",
    instance_count: Annotated[str, Form()] = "1",
    min_instances: Annotated[str, Form()] = "1",
    max_instances: Annotated[str, Form()] = "1",
    target_utilization_percentage: Annotated[str, Form()] = "70",
) -> Response:
    found = queries.get_deployment(session, caller.workspace.id, name, deployment)
    rule = dict(zip(RULE, (min_instances, max_instances, target_utilization_percentage), strict=True))
    sent = {"instance_count": instance_count} if type == "default" else {"scale_settings": {"type": type, **rule}}
    before = {field: getattr(found, field) for field in sent}
    try:
        change = _read(sent)
        if change.scale_settings:
            scaling.follow(session, found, _kept_interval(found) | change.scale_settings.model_dump(exclude_unset=True))
        else:
            scaling.fix(session, found, change.instance_count)
    except Invalid as error:
        context = pages_deployment.context_of_deployment(request, session, caller, found)
        context["scale"] = {"type": type, "instance_count": instance_count, **rule}
        return refuse(request, session, "endpoints/deployment.html", error, context)
    note(session, "deployments", f"{name}/{deployment}", before=before, after=change.model_dump(exclude_none=True))
    return pages_changes.to_endpoint(caller, f"/{name}/deployments/{deployment}")


def _read(sent: dict) -> DeploymentScale:
    try:
        return DeploymentScale.model_validate(sent)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][-1])
        # What spans two fields is said beside the second.
        field = "max_instances" if field == "scale_settings" else field
        raise Invalid(f"{field}: {problem['msg'].removeprefix('Value error, ')}.", target=field) from error


def _kept_interval(deployment: OnlineDeployment) -> dict:
    return {"polling_interval": (deployment.scale_settings or {}).get("polling_interval", 1)}
