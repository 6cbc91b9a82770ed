"""Azure's calls about schedules."""

from typing import Annotated

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.arm import answers, code_files, schedule_shapes
from app.dialects.arm.addressing import WORKSPACE
from app.dialects.arm.answers import BodyDep, PagingDep
from app.dialects.arm.wire import mapping
from app.errors import Invalid
from app.schedules import queries, service
from app.schedules.permissions import READ, WRITE
from app.schedules.tables import Schedule
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix=WORKSPACE + "/schedules")
VIEWS = {"enabledonly": True, "disabledonly": False, "all": None}


def shown(request: Request, session: SessionDep, schedule: Schedule) -> dict:
    path = url_for_workspace(request.path_params["workspace"], f"/schedules/{schedule.name}")
    page = f"{request.app.state.settings.url.rstrip('/')}{path}?"
    properties = schedule_shapes.properties_of(session, schedule, answers.workspace_id(request), page)
    return answers.resource(
        request,
        f"schedules/{schedule.name}",
        properties,
        created_at=schedule.created_at,
        created_by=schedule.created_by,
        changed_at=schedule.updated_at,
    )


@router.get("", dependencies=[allow(READ)])
def schedules(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    paging: PagingDep,
    view: Annotated[str, Query(alias="listViewType")] = "EnabledOnly",
) -> JSONResponse:
    if view.lower() not in VIEWS:
        raise Invalid(f"listViewType: {view!r} is not one of EnabledOnly, DisabledOnly, All.", target="listViewType")
    enabled = VIEWS[view.lower()]
    found = queries.page(session, caller.workspace.id, enabled=enabled, number=paging.number, size=paging.size)
    return paging.answer(found, lambda schedule: shown(request, session, schedule))


@router.get("/{name}", dependencies=[allow(READ)])
def get(name: str, request: Request, session: SessionDep, caller: CallerDep) -> JSONResponse:
    return answers.body(shown(request, session, queries.get(session, caller.workspace.id, name)))


@router.put("/{name}", dependencies=[allow(WRITE)])
def put(name: str, request: Request, sent: BodyDep, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Make a schedule or change it. Clients enable and disable one by sending it back as it was, but for that."""
    enabled = mapping(sent, "properties", "body").get("isEnabled")
    present = queries.find(session, caller.workspace.id, name)
    if present is not None and enabled is not None and present.is_enabled != bool(enabled):
        note(session, "schedules", name, before={"is_enabled": not enabled}, after={"is_enabled": bool(enabled)})
        service.enable(present, bool(enabled))
        return answers.done(request, shown(request, session, present), 200)
    document = schedule_shapes.document_of(name, sent, lambda id: code_files.address_of(caller.workspace.id, id))
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    schedule, is_new, _ = service.save(session, caller, text)
    if is_new and enabled is False:
        service.enable(schedule, False)
    note(session, "schedules", name, after={"trigger": schedule.trigger})
    return answers.done(request, shown(request, session, schedule), 201 if is_new else 200)


@router.post("/{name}/trigger", dependencies=[allow(WRITE)])
def trigger(name: str, session: SessionDep, caller: CallerDep) -> JSONResponse:
    """Submit its job now."""
    job = service.trigger(session, caller, queries.get(session, caller.workspace.id, name))
    note(session, "schedules", name, after={"triggered": job.name})
    return answers.body({"submissionId": job.name, "scheduleActionType": schedule_shapes.ACTION})


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    """The jobs that it submitted stay."""
    schedule = queries.find(session, caller.workspace.id, name)
    if schedule is None:
        return Response(status_code=204)
    note(session, "schedules", name, before={"trigger": schedule.trigger})
    service.delete(session, schedule)
    return Response(status_code=200)
