"""The page that deploys a model to a batch endpoint, a new one or one that exists."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.endpoints import deployable
from app.endpoints.batch import queries, service
from app.endpoints.batch.schemas import BatchDeploymentCreate, BatchSettings
from app.endpoints.permissions import WRITE
from app.environments import curated
from app.errors import AtelierError, Invalid
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/new", include_in_schema=False)
SETTINGS = ("mini_batch_size", "max_concurrency_per_instance", "error_threshold", "output_file_name")


class Wanted(BaseModel, str_strip_whitespace=True):
    """The form as it was filled: words, so that wrong ones can be shown again."""

    endpoint: str = ""
    deployment: str = ""
    model: str = ""
    environment: str = ""
    instance_count: str = "1"
    mini_batch_size: str = "10"
    max_concurrency_per_instance: str = "2"
    error_threshold: str = "-1"
    output_file_name: str = "predictions.csv"
    description: str = ""


def _context(session: Session, caller: Caller, filled: Wanted) -> dict:
    versions = deployable.versions(session, caller.workspace.id)
    options = [f"{version.model.name}:{version.version}" for version in versions]
    if filled.model and filled.model not in options:
        options.insert(0, filled.model)
    known = queries.page(session, caller.workspace.id, size=200).rows
    return {"filled": filled, "options": options, "endpoints": known, "curated": curated.name()}


@router.get("", dependencies=[allow(WRITE)])
def new_page(request: Request, session: SessionDep, caller: CallerDep, endpoint: str = "", model: str = "") -> Response:
    filled = Wanted(endpoint=endpoint, deployment="blue", model=model.removeprefix("azureml:"))
    return templates.TemplateResponse(request, "batch/new.html", _context(session, caller, filled))


@router.post("", dependencies=[allow(WRITE)])
def create(request: Request, session: SessionDep, caller: CallerDep, wanted: Annotated[Wanted, Form()]) -> Response:
    try:
        with session.begin_nested():
            new = _checked(wanted)
            endpoint = queries.find(session, caller.workspace.id, wanted.endpoint)
            if endpoint is None:
                endpoint = service.create(session, caller.workspace.id, wanted.endpoint, created_by=caller.user.name)
            made = service.deploy(session, caller, endpoint, new)
    except AtelierError as error:
        return refuse(request, session, "batch/new.html", error, _context(session, caller, wanted))
    note(session, "batch-deployments", f"{endpoint.name}/{made.name}", after={"model": new.model})
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/batch-endpoints/{endpoint.name}"), 303)


def _checked(wanted: Wanted) -> BatchDeploymentCreate:
    if not wanted.model:
        raise Invalid("model: choose a registered model.", target="model")
    settings = {name: getattr(wanted, name) or BatchSettings.model_fields[name].default for name in SETTINGS}
    given = {
        "name": wanted.deployment,
        "model": f"azureml:{wanted.model}",
        "environment": wanted.environment or None,
        "description": wanted.description,
        "resources": {"instance_count": wanted.instance_count or 1},
        "settings": settings,
    }
    try:
        return BatchDeploymentCreate.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][-1]) if first["loc"] else "deployment"
        raise Invalid(f"{field}: {first['msg']}.", target=field) from None
