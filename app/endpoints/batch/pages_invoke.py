"""The tab of a batch endpoint that invokes it."""

from typing import Annotated

import yaml
from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.data import queries as data
from app.endpoints.batch import queries, service
from app.endpoints.batch.schemas import Invocation
from app.endpoints.batch.tables import BatchEndpoint
from app.endpoints.permissions import WRITE
from app.errors import AtelierError, Invalid
from app.jobs import permissions as jobs
from app.jobs.specification.ports import FILE_TYPES
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}/invoke", include_in_schema=False)
MOST_OPTIONS = 200


class Asked(BaseModel, str_strip_whitespace=True):
    """The form as it was filled: words, so that wrong ones can be shown again."""

    deployment: str = ""
    path: str = ""
    type: str = "uri_folder"
    inputs: str = ""
    job_name: str = ""
    mini_batch_size: str = ""
    instance_count: str = ""
    output_file_name: str = ""


def _context(session: Session, caller: Caller, endpoint: BatchEndpoint, filled: Asked) -> dict:
    chosen = filled.deployment or endpoint.default_deployment
    deployment = next((item for item in endpoint.deployments if item.name == chosen), None)
    is_pipeline = bool(deployment and deployment.spec["type"] == "pipeline")
    if is_pipeline and not filled.inputs:
        filled.inputs = "\n".join(f"{port}: {_example(kind)}" for port, kind in deployment.spec["inputs"].items())
    assets = data.page(session, caller.workspace.id, size=MOST_OPTIONS).rows
    return {
        "endpoint": endpoint,
        "tab": "invoke",
        "filled": filled,
        "deployment": deployment,
        "is_pipeline": is_pipeline,
        "assets": [f"azureml:{asset.name}@latest" for asset, _ in assets],
        "types": FILE_TYPES,
        "may_write": caller.can(WRITE.name),
        "may_invoke": True,
    }


def _example(kind: str) -> str:
    plain = {"string": '""', "integer": "1", "number": "0.5", "boolean": "true"}
    return plain.get(kind, f"{{type: {kind}, path: azureml:DATA@latest}}")


@router.get("", dependencies=[allow(jobs.WRITE)])
def form(name: str, request: Request, session: SessionDep, caller: CallerDep, deployment: str = "") -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    context = _context(session, caller, endpoint, Asked(deployment=deployment))
    return templates.TemplateResponse(request, "batch/invoke.html", context)


@router.post("", dependencies=[allow(jobs.WRITE)])
def invoke(
    name: str, request: Request, session: SessionDep, caller: CallerDep, asked: Annotated[Asked, Form()]
) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    try:
        with session.begin_nested():
            job = service.invoke(session, caller, endpoint, _invocation(endpoint, asked))
    except AtelierError as error:
        return refuse(request, session, "batch/invoke.html", error, _context(session, caller, endpoint, asked))
    note(session, "jobs", job.name, after={"batch_endpoint": name})
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/jobs/{job.name}"), 303)


def _invocation(endpoint: BatchEndpoint, asked: Asked) -> Invocation:
    named = ("job_name", "mini_batch_size", "instance_count", "output_file_name")
    document = {name: value for name in named if (value := getattr(asked, name))}
    document["deployment_name"] = asked.deployment or None
    if asked.inputs:
        document["inputs"] = _inputs(asked.inputs)
    elif not asked.path:
        raise Invalid("path: choose the data that is scored.", target="path")
    else:
        document["input"] = {"type": asked.type, "path": asked.path}
    try:
        return Invocation.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "inputs"
        raise Invalid(f"{field}: {first['msg']}.", target=field) from None


def _inputs(text: str) -> dict:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise Invalid(
            "inputs: write one a line, as `epochs: 5` or `data: {type: uri_folder, path: …}`.", target="inputs"
        )
    return {name: value if isinstance(value, dict) else _literal(value) for name, value in found.items()}


def _literal(value: object) -> dict:
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"))
    return {"type": next((name for kind, name in kinds if isinstance(value, kind)), "string"), "value": value}
