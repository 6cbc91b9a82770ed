"""The page that deploys a model: to a new endpoint, to one that exists, or over a deployment that exists."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.endpoints import autoscaling, containers, deployable, deploying, names, queries, service
from app.endpoints.permissions import WRITE
from app.endpoints.schemas import DeploymentCreate
from app.endpoints.tables import OnlineDeployment
from app.environments import curated, resolving
from app.errors import AtelierError, Conflict, Invalid
from app.models import queries as models
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/new", include_in_schema=False)
# The names of form fields differ from the places that pydantic reports.
FIELDS = {"request_timeout_ms": "timeout_ms", "max_concurrent_requests_per_instance": "concurrency"}


class Wanted(BaseModel, str_strip_whitespace=True):
    """The form as it was filled: words, so that wrong ones can be shown again."""

    endpoint: str = ""
    auth_mode: str = "key"
    deployment: str = ""
    model: str = ""
    instance_count: str = "1"
    all_traffic: str = ""
    environment: str = ""
    environment_variables: str = ""
    timeout_ms: str = "5000"
    concurrency: str = "1"
    description: str = ""


@router.get("", dependencies=[allow(WRITE)])
def new_page(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    model: str = "",
    endpoint: str = "",
    deployment: Annotated[str, Query()] = "",
) -> Response:
    """`model` is NAME or NAME:VERSION; with `endpoint` and `deployment` the form holds what runs there now."""
    if endpoint and deployment:
        filled = _of_deployment(queries.get_deployment(session, caller.workspace.id, endpoint, deployment))
    else:
        filled = _suggested(session, caller.workspace.id, endpoint, model)
    if model:
        filled.model = _reference(session, caller.workspace.id, model)
    return templates.TemplateResponse(request, "endpoints/new.html", _context(session, caller, filled))


def _suggested(session: Session, workspace_id: int, endpoint: str, model: str) -> Wanted:
    name = model.removeprefix("azureml:").split(":")[0]
    suggested = endpoint or (name if names.NAME.fullmatch(name) else "")
    found = queries.find(session, workspace_id, suggested)
    taken = {item.name for item in found.deployments} if found else set()
    free = next((name for name in ("blue", "green") if name not in taken), f"deployment-{len(taken) + 1}")
    return Wanted(endpoint=suggested, deployment=free, all_traffic="" if taken else "true")


def _of_deployment(found: OnlineDeployment) -> Wanted:
    version, spec = found.model_version, found.spec or {}
    environment = spec.get("environment")
    return Wanted(
        endpoint=found.endpoint.name,
        deployment=found.name,
        model=f"{version.model.name}:{version.version}" if version else "",
        instance_count=str(found.instance_count),
        environment=environment if isinstance(environment, str) else "",
        environment_variables="\n".join(f"{name}={value}" for name, value in found.environment_variables.items()),
        timeout_ms=str(found.request_settings.get("request_timeout_ms", 5000)),
        concurrency=str(found.request_settings.get("max_concurrent_requests_per_instance", 1)),
        description=found.description,
    )


def _reference(session: Session, workspace_id: int, model: str) -> str:
    name, _, version = model.removeprefix("azureml:").partition(":")
    found = models.get_version(session, workspace_id, name, version or None)
    return f"{found.model.name}:{found.version}"


def _context(session: Session, caller: Caller, filled: Wanted) -> dict:
    versions = deployable.versions(session, caller.workspace.id)
    options = [f"{version.model.name}:{version.version}" for version in versions]
    if filled.model and filled.model not in options:
        options.insert(0, filled.model)
    return {
        "filled": filled,
        "options": options,
        "endpoints": queries.page(session, caller.workspace.id, size=200).rows,
        "auth_modes": service.AUTH_MODES,
        "curated": curated.name(),
        "most_instances": autoscaling.MOST_INSTANCES,
    }


@router.post("", dependencies=[allow(WRITE)])
def create(request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Form()]) -> Response:
    try:
        new = _checked(session, caller.workspace.id, wanted)
    except AtelierError as error:
        return refuse(request, session, "endpoints/new.html", error, _context(session, caller, wanted))
    endpoint = queries.find(session, caller.workspace.id, wanted.endpoint)
    if endpoint is None:
        endpoint = service.create(
            session, caller.workspace.id, wanted.endpoint, created_by=caller.user.name, auth_mode=wanted.auth_mode
        )
        note(session, "online-endpoints", endpoint.name, after={"auth_mode": endpoint.auth_mode})
    made = deploying.deploy(session, endpoint, new, created_by=caller.user.name)
    after = {"model": new.model, "generation": made.generation}
    note(session, "deployments", f"{endpoint.name}/{made.name}", after=after)
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/endpoints/{endpoint.name}"), 303)


def _checked(session: Session, workspace_id: int, wanted: Wanted) -> DeploymentCreate:
    """Everything that could be refused is refused here, before anything is written."""
    names.check(wanted.endpoint, "endpoint")
    names.check_deployment(wanted.deployment, "deployment")
    if wanted.auth_mode not in service.AUTH_MODES:
        raise Invalid(f"auth_mode: choose one of {', '.join(service.AUTH_MODES)}.", target="auth_mode")
    found = queries.find(session, workspace_id, wanted.endpoint)
    replaced = next((item for item in found.deployments if item.name == wanted.deployment), None) if found else None
    if replaced and replaced.provisioning_state == "Deleting":
        raise Conflict("deployment: it is being deleted. Try again in a moment.", target="deployment")
    new = _parsed(wanted, dict(replaced.spec or {}) if replaced else {})
    if not 1 <= new.instance_count <= autoscaling.MOST_INSTANCES:
        raise Invalid(f"instance_count: 1 to {autoscaling.MOST_INSTANCES} will do.", target="instance_count")
    if new.model:
        _found(lambda: _reference(session, workspace_id, wanted.model), "model")
    environment = _found(lambda: resolving.resolve(session, workspace_id, new.environment), "environment")
    if not (new.model or new.code_configuration or containers.routes(environment)):
        raise Invalid("model: choose a registered model.", target="model")
    return new


def _found(look, field: str):
    try:
        return look()
    except AtelierError as error:
        error.target = field
        raise


def _parsed(wanted: Wanted, spec: dict[str, Any]) -> DeploymentCreate:
    """The form over the file that a deployment was made of: what the form does not show stays as it was."""
    settings = dict(spec.get("request_settings") or {})
    settings |= {
        "request_timeout_ms": wanted.timeout_ms,
        "max_concurrent_requests_per_instance": wanted.concurrency,
    }
    inline = spec.get("environment") if isinstance(spec.get("environment"), dict) else None
    given = spec | {
        "name": wanted.deployment,
        "model": f"azureml:{wanted.model}" if wanted.model else None,
        "environment": wanted.environment or inline,
        "environment_variables": _variables(wanted.environment_variables),
        "instance_count": wanted.instance_count,
        "request_settings": settings,
        "description": wanted.description,
        "all_traffic": bool(wanted.all_traffic),
    }
    try:
        return DeploymentCreate.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][-1])
        field = FIELDS.get(place, place)
        raise Invalid(f"{field}: {first['msg']}.", target=field) from None


def _variables(text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            message = f"Line {number}, {line.strip()!r}, sets no variable. Write NAME=value."
            raise Invalid(f"environment_variables: {message}", target="environment_variables")
        found[name.strip()] = value.strip()
    return found
