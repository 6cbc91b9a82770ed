"""Pages of schedules: the list, one schedule with what comes and what was, and the form that makes one."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import AtelierError
from app.kit import documents
from app.schedules import queries, service
from app.schedules.permissions import READ, WRITE
from app.schedules.words import in_words
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/schedules", include_in_schema=False)
EXAMPLE = """\
name: {name}
trigger:
  type: cron
  expression: "0 9 * * 1-5"   # minute hour day month weekday
  time_zone: {zone}
create_job:
{job}
"""
COMMAND = "  command: echo Good morning\n  environment: azureml:pytorch-2.13-cpu@latest"


@router.get("", dependencies=[allow(READ)])
def schedules(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    show: str = "",
    sort: str = "name",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    enabled = {"enabled": True, "disabled": False}.get(show)
    found = queries.page(
        session, caller.workspace.id, text=text.strip(), enabled=enabled, sort=sort, number=page, size=25
    )
    context = {
        "page": found,
        "last": queries.last_runs(session, found.rows),
        "words": in_words,
        "narrowed": bool(text.strip() or show),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "schedules/list.html", context)


@router.get("/new", dependencies=[allow(WRITE)])
def new(request: Request, session: SessionDep, caller: CallerDep, job: str = "", name: str = "") -> Response:
    """An editor with a schedule for the job `job` in it, with the schedule `name`, or with an example."""
    if name:
        draft = queries.get(session, caller.workspace.id, name).source_yaml
    else:
        run = f"  job: azureml:{job}" if job else COMMAND
        draft = EXAMPLE.format(name=f"{job}-weekdays" if job else "weekdays", zone="UTC", job=run)
    return templates.TemplateResponse(request, "schedules/new.html", {"yaml": draft, "name": name})


@router.post("/new", dependencies=[allow(WRITE)])
def save(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    yaml: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    before = queries.find(session, caller.workspace.id, name) if name else None
    try:
        with session.begin_nested():
            uploads = service.uploads_of(before) if before else {}
            schedule, *_ = service.save(session, caller, yaml, uploads)
    except AtelierError as error:
        context = {"yaml": yaml, "name": name, "error": error, "excerpt": documents.excerpt(yaml, error.message)}
        session.info.pop("conclude", None)
        return templates.TemplateResponse(request, "schedules/new.html", context, status_code=error.status)
    note(session, "schedules", schedule.name, after={"trigger": schedule.trigger})
    return _to(caller, f"/schedules/{schedule.name}")


@router.get("/{name}", dependencies=[allow(READ)])
def schedule(
    name: str, request: Request, session: SessionDep, caller: CallerDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    found = queries.get(session, caller.workspace.id, name)
    context = {
        "schedule": found,
        "when": found.when,
        "words": in_words(found.when),
        "coming": queries.coming(found),
        "page": queries.runs(session, found, number=page),
        "may_write": caller.can(WRITE.name),
    }
    return templates.TemplateResponse(request, "schedules/schedule.html", context)


@router.post("/{name}/trigger", dependencies=[allow(WRITE)])
def trigger(name: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    job = service.trigger(session, caller, queries.get(session, caller.workspace.id, name))
    note(session, "schedules", name, after={"triggered": job.name})
    return _to(caller, f"/jobs/{job.name}")


@router.post("/{name}/enable", dependencies=[allow(WRITE)])
def enable(
    name: str, session: SessionDep, caller: CallerDep, enabled: Annotated[bool, Form()] = True
) -> RedirectResponse:
    found = queries.get(session, caller.workspace.id, name)
    note(session, "schedules", name, before={"is_enabled": found.is_enabled}, after={"is_enabled": enabled})
    service.enable(found, enabled)
    return _to(caller, f"/schedules/{name}")


@router.post("/{name}/delete", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    found = queries.get(session, caller.workspace.id, name)
    note(session, "schedules", name, before={"trigger": found.trigger})
    service.delete(session, found)
    return _to(caller, "/schedules")


def _to(caller: Caller, path: str) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)
