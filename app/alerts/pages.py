"""Pages of alerts: the rules, their form, and what was sent."""

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.alerts import queries, service
from app.alerts.conditions import ENDPOINT_OCCASIONS, NOT_FINITE, OCCASIONS, OPERATORS
from app.alerts.schemas import RuleCreate, RuleRead
from app.alerts.tables import AlertRule
from app.errors import AtelierError, Invalid
from app.jobs import queries as jobs
from app.notifications import queries as deliveries
from app.notifications import service as notifications
from app.notifications.permissions import READ, WRITE
from app.notifications.schemas import shown_target
from app.notifications.tables import State
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/alerts", include_in_schema=False)
FORM = "alerts/edit.html"
_CHOICES = {
    "occasions": [
        *((key, f"A run {word}") for key, word in OCCASIONS.items()),
        *((key, f"An endpoint {word}") for key, word in ENDPOINT_OCCASIONS.items()),
    ],
    "aggregates": [("last", "its value"), ("min", "its least value so far"), ("max", "its greatest value so far")],
    "operators": [(sign, "is NaN or infinite" if sign == NOT_FINITE else sign) for sign in OPERATORS],
}


class Wanted(BaseModel):
    """The form as it was filled: words, so that wrong ones can be shown again."""

    name: str = ""
    on: str = ""
    experiment: str = ""
    run: str = ""
    endpoint: str = ""
    filter: str = ""
    metric: str = ""
    aggregate: str = "last"
    operator: str = ">"
    threshold: str = ""
    count: str = ""
    minutes: str = ""
    emails: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""

    def values(self, changes: AlertRule | None = None) -> dict:
        """For the service; a secret that is left empty stays as it is. Raises Invalid that names the field."""
        words = {name: text.strip() for name, text in self.model_dump().items()}
        given = {name: text for name, text in words.items() if text or name in ("name", "on")}
        given["emails"] = re.findall(r"[^\s,;]+", self.emails)
        try:
            values = RuleCreate(**given).model_dump(exclude={"muted"})
        except ValidationError as error:
            wrong = error.errors()[0]
            field = str(wrong["loc"][0])
            raise Invalid(f"{field}: {words.get(field)!r} is no number.", target=field) from error
        if changes is not None and not self.webhook_secret:
            del values["webhook_secret"]
        return values


@router.get("", dependencies=[allow(READ)])
def rules(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    sort: str = "-updated",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    found = queries.page(session, caller.workspace.id, text=text.strip(), sort=sort, number=page)
    context = {
        "page": found,
        "narrowed": bool(text),
        "fired": queries.last_fired(session, found.rows),
        "describe": service.describe,
        "target": _target(caller),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "alerts/list.html", context)


def _target(caller: Caller) -> Callable[[str], str]:
    may_write = caller.can(WRITE.name)
    return lambda target: shown_target(target, may_write)


@router.get("/deliveries", dependencies=[allow(READ)])
def log(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    rule: str = "",
    webhook: str = "",
    status: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    context = _log_context(session, caller, rule, webhook, status, page)
    return templates.TemplateResponse(request, "alerts/deliveries.html", context)


@router.get("/_deliveries", dependencies=[allow(READ)])
def log_fragment(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    rule: str = "",
    webhook: str = "",
    status: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    context = _log_context(session, caller, rule, webhook, status, page)
    return templates.TemplateResponse(request, "alerts/_deliveries.html", context)


def _log_context(session: Session, caller: Caller, rule: str, webhook: str, status: str, page: int) -> dict:
    source = "alert" if rule else "webhook" if webhook else ""
    found = deliveries.page(
        session, caller.workspace.id, source=source, source_id=rule or webhook, status=status, number=page
    )
    return {
        "page": found,
        "rule": rule,
        "webhook": webhook,
        "states": list(State),
        "narrowed": bool(rule or webhook or status),
        "moves": any(delivery.status is State.PENDING for delivery in found.rows),
        "target": _target(caller),
        "may_write": caller.can(WRITE.name),
    }


@router.post("/deliveries/{delivery_id}/retry", dependencies=[allow(WRITE)])
def retry(delivery_id: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    notifications.retry(session, deliveries.get(session, caller.workspace.id, delivery_id))
    note(session, "deliveries", delivery_id, after={"status": State.PENDING})
    return _to(caller, "/deliveries")


@router.get("/new", dependencies=[allow(WRITE)])
def new(
    request: Request, session: SessionDep, caller: CallerDep, run: str = "", endpoint: str = "", on: str = "failed"
) -> Response:
    """`run` or `endpoint` is what to tell of, where its page leads here."""
    job = jobs.get(session, caller.workspace.id, run) if run else None
    name = f"{job.display_name} {OCCASIONS.get(on, '').partition(',')[0]}" if job else ""
    return templates.TemplateResponse(request, FORM, _form({"run": run, "endpoint": endpoint, "on": on, "name": name}))


def _form(filled: dict, rule: AlertRule | None = None) -> dict:
    mail = bool(notifications.settings().smtp_host)
    return {"filled": filled, "rule": rule, "mail": mail, **_CHOICES}


@router.post("/new", dependencies=[allow(WRITE)])
def create(wanted: Annotated[Wanted, Form()], request: Request, session: SessionDep, caller: CallerDep) -> Response:
    try:
        rule = service.create(session, caller.workspace.id, wanted.values(), created_by=caller.user.name)
    except AtelierError as error:
        return refuse(request, session, FORM, error, _form(wanted.model_dump()))
    note(session, "alerts", rule.name, after=service.said(rule))
    return _to(caller)


@router.get("/{rule_id}/edit", dependencies=[allow(WRITE)])
def edit(rule_id: int, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    rule = queries.get(session, caller.workspace.id, rule_id)
    shown = RuleRead.of(rule, may_write=True).model_dump() | {"emails": ", ".join(rule.emails)}
    if rule.threshold is not None:
        shown["threshold"] = repr(rule.threshold).removesuffix(".0")
    return templates.TemplateResponse(request, FORM, _form(shown, rule))


@router.post("/{rule_id}/edit", dependencies=[allow(WRITE)])
def change(
    rule_id: int, wanted: Annotated[Wanted, Form()], request: Request, session: SessionDep, caller: CallerDep
) -> Response:
    rule = queries.get(session, caller.workspace.id, rule_id)
    before = service.said(rule)
    try:
        # What is wrong takes back only the change, so that the page can be drawn.
        with session.begin_nested():
            service.change(session, rule, wanted.values(changes=rule))
    except AtelierError as error:
        return refuse(request, session, FORM, error, _form(wanted.model_dump(), rule))
    note(session, "alerts", rule.name, before=before, after=service.said(rule))
    return _to(caller)


@router.post("/{rule_id}/mute", dependencies=[allow(WRITE)])
def mute(rule_id: int, session: SessionDep, caller: CallerDep, muted: Annotated[bool, Form()] = True) -> Response:
    rule = queries.get(session, caller.workspace.id, rule_id)
    service.change(session, rule, {"muted": muted})
    note(session, "alerts", rule.name, after={"muted": muted})
    return _to(caller)


@router.post("/{rule_id}/test", dependencies=[allow(WRITE)])
def test(rule_id: int, session: SessionDep, caller: CallerDep) -> Response:
    """Send a message to each receiver, and show what becomes of it."""
    rule = queries.get(session, caller.workspace.id, rule_id)
    sent = service.test(session, rule)
    note(session, "alerts", rule.name, after={"tested": len(sent)})
    return _to(caller, f"/deliveries?rule={rule.id}")


@router.post("/{rule_id}/delete", dependencies=[allow(WRITE)])
def delete(rule_id: int, session: SessionDep, caller: CallerDep) -> Response:
    rule = queries.get(session, caller.workspace.id, rule_id)
    note(session, "alerts", rule.name, before=service.said(rule))
    service.remove(session, rule)
    return _to(caller)


def _to(caller: Caller, path: str = "") -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/alerts{path}"), 303)
