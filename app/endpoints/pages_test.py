"""The Test tab: a form made of the model's signature, and what the endpoint answers."""

import json
from dataclasses import replace
from typing import Annotated

import anyio.from_thread
from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.database import reading
from app.endpoints import autoscaling, bodies, queries, trying
from app.endpoints.pages_endpoint import context_of
from app.endpoints.permissions import KEYS
from app.endpoints.tables import OnlineDeployment, OnlineEndpoint
from app.errors import Invalid
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}/test", include_in_schema=False)

# Whoever scores by the page uses the endpoint's keys, which leaves a record.
USE_KEYS = replace(KEYS, audited=True)


@router.get("", dependencies=[allow(KEYS)])
def test(name: str, request: Request, session: SessionDep, caller: CallerDep, deployment: str = "") -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    context = _context(request, caller, endpoint, _deployment(session, caller, endpoint, deployment), deployment)
    return templates.TemplateResponse(request, "endpoints/test.html", context)


@router.post("", dependencies=[allow(USE_KEYS)])
def score(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    deployment: Annotated[str, Form()] = "",
    send: Annotated[str, Form()] = "json",
    cell: Annotated[list[str], Form()] = [],
    body: Annotated[str, Form()] = "",
) -> Response:
    """The same page with the answer. No transaction is open while the model works."""
    with reading() as before:
        endpoint = queries.get(before, caller.workspace.id, name)
        tried = _deployment(before, caller, endpoint, deployment)
        context = _context(request, caller, endpoint, tried, deployment, cell if send == "fields" else [], body)
        context["send"] = send
        try:
            made = bodies.body(tried and tried.model_version, cell) if send == "fields" else _parsed(body)
        except Invalid as error:
            context["refused"] = error
        else:
            if send == "fields":
                context["body"] = bodies.laid_out(made)
    if "refused" not in context:
        context["outcome"] = outcome = _scored(request, caller, name, made, deployment)
        context["answer"] = _shown(outcome.text)
    note(session, "online-endpoints", name, after={"scored": True, "deployment": deployment or None})
    return templates.TemplateResponse(request, "endpoints/test.html", context)


def _scored(request: Request, caller: Caller, name: str, body: object, deployment: str) -> trying.Outcome:
    async def ask() -> trying.Outcome:
        state = request.app.state
        return await trying.score(
            state.routes,
            caller.workspace.name,
            name,
            json.dumps(body).encode(),
            deployment=deployment,
            body_limit=state.settings.score_body_bytes,
        )

    return anyio.from_thread.run(ask)


def _deployment(session: Session, caller: Caller, endpoint: OnlineEndpoint, name: str) -> OnlineDeployment | None:
    if name:
        return queries.get_deployment(session, caller.workspace.id, endpoint.name, name)
    return bodies.likeliest(endpoint)


def _context(
    request: Request, caller: Caller, endpoint: OnlineEndpoint, tried: OnlineDeployment | None, chosen: str,
    cells: list[str] = [], body: str = "",
) -> dict:  # fmt: skip
    version = tried.model_version if tried else None
    fields = bodies.fields(version)
    if len(cells) == len(fields):
        fields = [replace(field, value=cell) for field, cell in zip(fields, cells, strict=True)]
    return context_of(
        request, caller, endpoint, "test",
        tried=tried,
        version=version,
        chosen=chosen,
        fields=fields,
        send="fields" if fields else "json",
        body=body or bodies.laid_out(bodies.example(version)),
        serves=any(_serves(item) for item in endpoint.deployments),
    )  # fmt: skip


def _serves(deployment: OnlineDeployment) -> bool:
    """Whether it answers, if need be once it has been woken."""
    is_ready = any(instance.state == "Ready" for instance in deployment.instances)
    return is_ready or autoscaling.wake_seconds(deployment) is not None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}" if hasattr(error, "lineno") else str(error)
        raise Invalid(f"body: this is not JSON. {place}.", target="body") from None


def _shown(text: str) -> str:
    try:
        return bodies.laid_out(json.loads(text))
    except ValueError:
        return text
