"""REST for workspaces."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.access import queries
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ
from app.web.session import SessionDep
from app.workspaces import service
from app.workspaces.permissions import WRITE

router = APIRouter(prefix="/api/workspaces", tags=["workspaces"])


class WorkspaceCreate(BaseModel):
    name: str
    display_name: str = ""
    description: str = ""


class WorkspaceRead(WorkspaceCreate):
    model_config = ConfigDict(from_attributes=True)


@router.get("", response_model=list[WorkspaceRead], dependencies=[allow(OWN_ACCOUNT_READ)])
def workspaces(session: SessionDep, caller: CallerDep) -> list:
    """The workspaces in which the caller may do anything."""
    return [found for found in queries.workspaces(session) if caller.user.actions_in(found.id)]


@router.post("", status_code=201, response_model=WorkspaceRead, dependencies=[allow(WRITE)])
def create(new: WorkspaceCreate, session: SessionDep, caller: CallerDep):
    made = service.create(session, **new.model_dump(), created_by=caller.user.name)
    note(session, "workspaces", made.name, after=new.model_dump())
    return made
