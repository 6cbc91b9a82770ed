"""The Trial tab of an endpoint: how a deployment on trial does beside the one that serves, and what ends the trial."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.endpoints import pages_changes, pages_endpoint, queries, service
from app.endpoints.gateway import COUNTERS
from app.endpoints.gateway.guarding import on_trial
from app.endpoints.gateway.mirroring import COMPARISONS
from app.endpoints.permissions import READ, WRITE
from app.endpoints.schemas import EndpointRules
from app.endpoints.tables import OnlineEndpoint
from app.errors import Invalid
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/{name}/trial", include_in_schema=False)
TARGET = "online-endpoints"
TEMPLATE = "endpoints/trial.html"


@router.get("", dependencies=[allow(READ)])
def trial(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, TEMPLATE, _context(name, request, session, caller))


@router.get("/_report", dependencies=[allow(READ)])
def report(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    context = _context(name, request, session, caller)
    return templates.TemplateResponse(request, "endpoints/_trial.html", context)


def _context(name: str, request: Request, session: Session, caller: Caller) -> dict:
    endpoint = queries.get(session, caller.workspace.id, name)
    rule = endpoint.rollback_rule or {}
    filled = rule | {"emails": ", ".join(rule.get("emails") or []), "requests_per_minute": endpoint.requests_per_minute}
    tried = on_trial(endpoint.traffic, endpoint.traffic_before, endpoint.mirror_traffic)
    return pages_endpoint.context_of(
        request,
        caller,
        endpoint,
        "trial",
        figures=COUNTERS.of(caller.workspace.name, endpoint.name),
        comparisons=COMPARISONS.of(caller.workspace.name, endpoint.name),
        tried=tried,
        filled=filled,
        choices=[("", "None"), *((one.name, one.name) for one in endpoint.deployments)],
        mirrored=next(iter(endpoint.mirror_traffic.items()), ("", 10)),
        history=queries.traffic_changes(session, endpoint),
    )


@router.post("/mirror", dependencies=[allow(WRITE)])
def mirror(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    deployment: Annotated[str, Form()] = "",
    share: Annotated[str, Form()] = "0",
) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    before = dict(endpoint.mirror_traffic)
    try:
        if not (share.isascii() and share.isdigit()):
            raise Invalid(f"share: {share!r} is no whole number from 0 to 50.", target="share")
        service.change(session, endpoint, mirror_traffic={deployment: int(share)} if deployment else {})
    except Invalid as error:
        context = _context(name, request, session, caller) | {"mirrored": (deployment, share), "error": error}
        return refuse(request, session, TEMPLATE, error, context)
    note(session, TARGET, name, before={"mirror_traffic": before}, after={"mirror_traffic": endpoint.mirror_traffic})
    return pages_changes.to_endpoint(caller, f"/{name}/trial")


async def _sent(request: Request) -> dict[str, str]:
    return {field: str(value).strip() for field, value in (await request.form()).items() if field != "csrf_token"}


@router.post("/rules", dependencies=[allow(WRITE)])
def rules(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    sent: Annotated[dict[str, str], Depends(_sent)],
) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    try:
        wanted = _read(sent)
        before = {field: getattr(endpoint, field) for field in wanted}
        service.set_rules(session, endpoint, **wanted)
    except Invalid as error:
        context = _context(name, request, session, caller) | {"filled": sent, "error": error}
        return refuse(request, session, TEMPLATE, error, context)
    note(session, TARGET, name, before=before, after=wanted)
    return pages_changes.to_endpoint(caller, f"/{name}/trial")


def _read(sent: dict[str, str]) -> dict:
    """An empty field is no bound; with no bound at all there is no rule."""
    said = {field: value for field, value in sent.items() if value}
    asked: dict = {"requests_per_minute": said.pop("requests_per_minute", None)}
    if any(field.startswith("max_") for field in said):
        emails = said.pop("emails", "").replace(",", " ").split()
        known = ("requests", "max_error_rate", "max_latency_ms", "max_disagreement_rate", "webhook_url")
        asked["rollback_rule"] = {field: said[field] for field in known if field in said} | {"emails": emails}
    try:
        return EndpointRules.model_validate(asked).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        raise Invalid(f"{field}: {first['msg']}.", target=field) from error


@router.post("/roll-back", dependencies=[allow(WRITE)])
def roll_back(name: str, session: SessionDep, caller: CallerDep) -> Response:
    endpoint: OnlineEndpoint = queries.get(session, caller.workspace.id, name)
    before = {"traffic": endpoint.traffic}
    service.roll_back(session, endpoint)
    note(session, TARGET, name, before=before, after={"traffic": endpoint.traffic})
    return pages_changes.to_endpoint(caller, f"/{name}")
