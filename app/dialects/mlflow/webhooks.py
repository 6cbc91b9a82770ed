"""MLflow's calls about webhooks: who is told of what happens in the model registry."""

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.database import reading
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.kit.clock import milliseconds
from app.notifications.permissions import READ, WRITE
from app.notifications.schemas import shown_target
from app.web.session import SessionDep
from app.webhooks import queries, service
from app.webhooks.tables import Webhook

router = APIRouter(prefix="/webhooks")
DEFAULT, MOST = 100, 1000


def _shown(webhook: Webhook, caller) -> dict:
    shown = {
        "webhook_id": webhook.id,
        "name": webhook.name,
        "url": shown_target(webhook.url, caller.can(WRITE.name)),
        "events": [_event(event.kind) for event in webhook.events],
        "status": webhook.status,
        "creation_timestamp": milliseconds(webhook.created_at),
        "last_updated_timestamp": milliseconds(webhook.updated_at),
    }
    return shown | ({"description": webhook.description} if webhook.description else {})


def _event(kind: str) -> dict:
    entity, _, action = kind.partition(".")
    return {"entity": entity.upper(), "action": action.upper()}


def _kind(arguments: Arguments) -> str:
    return f"{arguments.text('entity')}.{arguments.text('action')}".lower()


def _kinds(arguments: Arguments) -> list[str]:
    return [_kind(event) for event in arguments.objects("events")]


def _status(arguments: Arguments, default: str | None = None) -> str | None:
    return arguments.choice("status", list(service.STATUSES)) or default


@router.post("", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    made = service.create(
        session, caller.workspace.id, arguments.text("name"), arguments.text("url"), _kinds(arguments),
        description=arguments.optional_text("description"), secret=arguments.optional_text("secret") or None,
        status=_status(arguments, "ACTIVE"), created_by=caller.user.name,
    )  # fmt: skip
    note(session, "webhooks", made.name, after={"events": [event.kind for event in made.events]})
    return answer({"webhook": _shown(made, caller)})


@router.get("", dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT, MOST)
    found = queries.newest(session, caller.workspace.id, offset, count + 1)
    return paged("webhooks", [_shown(webhook, caller) for webhook in found], offset, count)


@router.get("/{webhook_id}", dependencies=[allow(READ)])
def get(webhook_id: str, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"webhook": _shown(queries.get(session, caller.workspace.id, webhook_id), caller)})


@router.patch("/{webhook_id}", dependencies=[allow(WRITE)])
def update(webhook_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """A description or secret that is given empty is taken away; any other field that is empty stays."""
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    kept = {name: arguments.optional_text(name) for name in ("description", "secret") if name in arguments}
    changed = {name: arguments.optional_text(name) or None for name in ("name", "url")}
    before = {"name": webhook.name, "status": webhook.status}
    service.change(session, webhook, kinds=_kinds(arguments) or None, status=_status(arguments), **changed, **kept)
    note(session, "webhooks", webhook.name, before=before, after={"name": webhook.name, "status": webhook.status})
    return answer({"webhook": _shown(webhook, caller)})


@router.delete("/{webhook_id}", dependencies=[allow(WRITE)])
def delete(webhook_id: str, session: SessionDep, caller: CallerDep) -> Response:
    webhook = queries.get(session, caller.workspace.id, webhook_id)
    note(session, "webhooks", webhook.name, after={"deleted": True})
    service.remove(session, webhook)
    return answer()


@router.post("/{webhook_id}/test", dependencies=[allow(WRITE)])
def test(webhook_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """Send an example of an event, by default of the first that the webhook is told of."""
    kind = _kind(arguments.object("event")) if "event" in arguments else None
    # The receiver may be slow, and meanwhile the request's own transaction must not have begun.
    with reading() as before:
        webhook = queries.get(before, caller.workspace.id, webhook_id)
    outcome = service.test(webhook, kind)
    note(session, "webhooks", webhook.name, after={"tested": outcome.delivered})
    if outcome.status is None:
        return answer({"result": {"success": False, "error_message": f"Failed to test webhook: {outcome.answer}"}})
    result = {"success": outcome.delivered, "response_status": outcome.status, "response_body": outcome.answer}
    return answer({"result": result})
