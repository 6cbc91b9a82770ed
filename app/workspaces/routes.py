"""REST for workspaces."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from app.access import queries
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ
from app.access.tables import Workspace
from app.errors import NotFound
from app.web.session import SessionDep
from app.workspaces import service
from app.workspaces.permissions import WRITE

router = APIRouter(prefix="/api/workspaces", tags=["workspaces"])


class WorkspaceCreate(BaseModel):
    name: str
    display_name: str = ""
    description: str = ""


class WorkspaceChange(BaseModel):
    display_name: str | None = None
    description: str | None = None


class WorkspaceRead(WorkspaceCreate):
    model_config = ConfigDict(from_attributes=True)


@router.get("", response_model=list[WorkspaceRead], dependencies=[allow(OWN_ACCOUNT_READ)])
def workspaces(session: SessionDep, caller: CallerDep) -> list:
    """The workspaces in which the caller may do anything."""
    return [found for found in queries.workspaces(session) if caller.user.actions_in(found.id)]


@router.get("/{name}", response_model=WorkspaceRead, dependencies=[allow(OWN_ACCOUNT_READ)])
def read(name: str, session: SessionDep, caller: CallerDep) -> Workspace:
    return visible(session, caller, name)


@router.patch("/{name}", response_model=WorkspaceRead, dependencies=[allow(WRITE)])
def change(name: str, change: WorkspaceChange, session: SessionDep, caller: CallerDep) -> Workspace:
    found = visible(session, caller, name)
    changes = change.model_dump(exclude_unset=True)
    before = {field: getattr(found, field) for field in changes}
    service.describe(session, found, **changes)
    note(session, "workspaces", name, before=before, after=changes)
    return found


@router.delete("/{name}", status_code=204, dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep, all_resources: bool = False) -> None:
    """One that holds nothing, or with `all_resources` all that it holds, for good."""
    found = visible(session, caller, name)
    note(session, "workspaces", name, before={"display_name": found.display_name}, after={"deleted": True})
    service.delete(session, found, all_resources=all_resources)


def visible(session: Session, caller: Caller, name: str) -> Workspace:
    found = next((row for row in queries.workspaces(session) if row.name == name), None)
    if found is None or not caller.user.actions_in(found.id):
        raise NotFound(f"There is no workspace {name!r} in which you may do anything.", target="name")
    return found


@router.post("", status_code=201, response_model=WorkspaceRead, dependencies=[allow(WRITE)])
def create(new: WorkspaceCreate, session: SessionDep, caller: CallerDep):
    made = service.create(session, **new.model_dump(), created_by=caller.user.name)
    note(session, "workspaces", made.name, after=new.model_dump())
    return made
