"""Pages of webhooks: the list of them and their form."""

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import AtelierError
from app.notifications.permissions import READ, WRITE
from app.notifications.schemas import shown_target
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates
from app.webhooks import queries, service
from app.webhooks.events import KINDS
from app.webhooks.tables import Webhook

# In the menu, what tells people and programs is one thing.
router = APIRouter(prefix="/alerts/webhooks", include_in_schema=False)
FORM = "webhooks/edit.html"


def _entity(kind: str) -> str:
    return kind.partition(".")[0].replace("_", " ").capitalize()


class Wanted(BaseModel):
    """The form as it was filled."""

    name: str = ""
    url: str = ""
    description: str = ""
    secret: str = ""
    kinds: list[str] = []

    def values(self) -> dict:
        """For the service; a secret that is left empty stays as it is."""
        words = {name: getattr(self, name).strip() for name in ("name", "url", "description")}
        return words | {"kinds": self.kinds, "secret": self.secret or None}


@router.get("", dependencies=[allow(READ)])
def webhooks(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    may_write = caller.can(WRITE.name)
    context = {
        "page": queries.page(session, caller.workspace.id, text=text.strip(), number=page),
        "narrowed": bool(text),
        "target": lambda url: shown_target(url, may_write),
        "may_write": may_write,
    }
    return templates.TemplateResponse(request, "webhooks/list.html", context)


@router.get("/new", dependencies=[allow(WRITE)])
def new(request: Request) -> Response:
    return templates.TemplateResponse(request, FORM, _form(Wanted()))


def _form(filled: Wanted, webhook: Webhook | None = None) -> dict:
    # Nothing here has budgets, so a webhook of them would never be told of anything.
    offered = [kind for kind in KINDS if not kind.startswith("budget") or kind in filled.kinds]
    entities = {entity: list(kinds) for entity, kinds in groupby(offered, _entity)}
    return {"filled": filled, "webhook": webhook, "offered": entities}


@router.post("/new", dependencies=[allow(WRITE)])
def create(wanted: Annotated[Wanted, Form()], request: Request, session: SessionDep, caller: CallerDep) -> Response:
    try:
        made = service.create(session, caller.workspace.id, created_by=caller.user.name, **wanted.values())
    except AtelierError as error:
        return refuse(request, session, FORM, error, _form(wanted))
    note(session, "webhooks", made.name, after=_said(made))
    return _to(caller)


def _said(webhook: Webhook) -> dict:
    return {"events": [event.kind for event in webhook.events], "status": webhook.status}


@router.get("/{webhook_id}/edit", dependencies=[allow(WRITE)])
def edit(webhook_id: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    kinds = [event.kind for event in webhook.events]
    filled = Wanted(name=webhook.name, url=webhook.url, description=webhook.description, kinds=kinds)
    return templates.TemplateResponse(request, FORM, _form(filled, webhook))


@router.post("/{webhook_id}/edit", dependencies=[allow(WRITE)])
def change(
    webhook_id: str, wanted: Annotated[Wanted, Form()], request: Request, session: SessionDep, caller: CallerDep
) -> Response:
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    before = _said(webhook)
    try:
        # What is wrong takes back only the change, so that the page can be drawn.
        with session.begin_nested():
            service.change(session, webhook, **wanted.values())
    except AtelierError as error:
        return refuse(request, session, FORM, error, _form(wanted, webhook))
    note(session, "webhooks", webhook.name, before=before, after=_said(webhook))
    return _to(caller)


@router.post("/{webhook_id}/status", dependencies=[allow(WRITE)])
def set_status(
    webhook_id: str, session: SessionDep, caller: CallerDep, active: Annotated[bool, Form()] = True
) -> Response:
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    before = _said(webhook)
    service.change(session, webhook, status="ACTIVE" if active else "DISABLED")
    note(session, "webhooks", webhook.name, before=before, after=_said(webhook))
    return _to(caller)


@router.post("/{webhook_id}/test", dependencies=[allow(WRITE)])
def test(webhook_id: str, session: SessionDep, caller: CallerDep) -> Response:
    """Send an example, and show what becomes of it."""
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    service.queue_test(session, webhook)
    note(session, "webhooks", webhook.name, after={"tested": True})
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/alerts/deliveries?webhook={webhook.id}"), 303)


@router.post("/{webhook_id}/delete", dependencies=[allow(WRITE)])
def delete(webhook_id: str, session: SessionDep, caller: CallerDep) -> Response:
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    note(session, "webhooks", webhook.name, before=_said(webhook), after={"deleted": True})
    service.remove(session, webhook)
    return _to(caller)


def _to(caller: Caller) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, "/alerts/webhooks"), 303)
