"""REST for schedules."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.jobs.schemas import JobRead
from app.schedules import queries, service
from app.schedules.permissions import READ, WRITE
from app.schedules.schemas import ScheduleRead, ScheduleRunRead, ScheduleSave
from app.web.paging import Listing, PageNumber, PageSize, listing
from app.web.session import SessionDep
from app.web.yaml_bodies import yaml_body, yaml_body_of

router = APIRouter(prefix="/api/schedules", tags=["schedules"])


async def _sent(request: Request) -> ScheduleSave:
    return ScheduleSave.model_validate(await yaml_body_of(request))


@router.post(
    "", status_code=201, response_model=ScheduleRead, dependencies=[allow(WRITE)],
    openapi_extra=yaml_body("A schedule file", ScheduleSave),
)  # fmt: skip
def save(
    sent: Annotated[ScheduleSave, Depends(_sent)], response: Response, session: SessionDep, caller: CallerDep
) -> ScheduleRead:
    """Make a schedule, or change the one of that name (200)."""
    schedule, is_new, warnings = service.save(session, caller, sent.yaml, sent.uploads)
    note(session, "schedules", schedule.name, after={"trigger": schedule.trigger})
    response.status_code = 201 if is_new else 200
    return ScheduleRead.of(schedule, warnings)


@router.get("", response_model=Listing[ScheduleRead], dependencies=[allow(READ)])
def schedules(
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    enabled: bool | None = None,
    sort: str = "name",
    page: PageNumber = 1,
    size: PageSize = 50,
) -> dict:
    found = queries.page(session, caller.workspace.id, text=text, enabled=enabled, sort=sort, number=page, size=size)
    return listing(found, [ScheduleRead.of(schedule) for schedule in found.rows])


@router.get("/{name}", response_model=ScheduleRead, dependencies=[allow(READ)])
def read(name: str, session: SessionDep, caller: CallerDep) -> ScheduleRead:
    return ScheduleRead.of(queries.get(session, caller.workspace.id, name))


@router.get("/{name}/runs", response_model=Listing[ScheduleRunRead], dependencies=[allow(READ)])
def runs(name: str, session: SessionDep, caller: CallerDep, page: PageNumber = 1, size: PageSize = 50) -> dict:
    """Each time that it was due or triggered, newest first."""
    found = queries.runs(session, queries.get(session, caller.workspace.id, name), number=page, size=size)
    return listing(found, [ScheduleRunRead.of(run) for run in found.rows])


@router.get("/{name}/yaml", dependencies=[allow(READ)], response_class=Response)
def yaml(name: str, session: SessionDep, caller: CallerDep) -> Response:
    """The schedule file as it was sent."""
    schedule = queries.get(session, caller.workspace.id, name)
    return Response(schedule.source_yaml, media_type="application/yaml")


@router.post("/{name}/enable", response_model=ScheduleRead, dependencies=[allow(WRITE)])
def enable(name: str, session: SessionDep, caller: CallerDep) -> ScheduleRead:
    return _set_enabled(session, caller, name, True)


@router.post("/{name}/disable", response_model=ScheduleRead, dependencies=[allow(WRITE)])
def disable(name: str, session: SessionDep, caller: CallerDep) -> ScheduleRead:
    return _set_enabled(session, caller, name, False)


def _set_enabled(session: SessionDep, caller: Caller, name: str, enabled: bool) -> ScheduleRead:
    schedule = queries.get(session, caller.workspace.id, name)
    note(session, "schedules", name, before={"is_enabled": schedule.is_enabled}, after={"is_enabled": enabled})
    service.enable(schedule, enabled)
    return ScheduleRead.of(schedule)


@router.post("/{name}/trigger", status_code=201, response_model=JobRead, dependencies=[allow(WRITE)])
def trigger(name: str, session: SessionDep, caller: CallerDep) -> JobRead:
    """Submit its job now."""
    job = service.trigger(session, caller, queries.get(session, caller.workspace.id, name))
    note(session, "schedules", name, after={"triggered": job.name})
    return JobRead.of(job)


@router.delete("/{name}", status_code=204, dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> None:
    """The jobs that it submitted stay."""
    schedule = queries.get(session, caller.workspace.id, name)
    note(session, "schedules", name, before={"trigger": schedule.trigger})
    service.delete(session, schedule)
