"""REST for the profile of a data version."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.access.guard import CallerDep, allow, note
from app.data import profiles, queries
from app.data.permissions import PROFILE, READ
from app.data.tables import DataProfile
from app.web.session import SessionDep

router = APIRouter()


class ProfileRead(BaseModel):
    """`state` is Waiting, Completed or Failed, of which `error` says why. `result` has the number of `rows` and, of
    each of the `columns`, how much is missing, how it is distributed and which values are most frequent."""

    model_config = ConfigDict(from_attributes=True)

    path: str = Field(description="One file of the version, or '' for all that are read together.")
    state: str
    error: str | None
    result: dict[str, Any] | None
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None


@router.get("/data/{name}/versions/{version}/profile", response_model=ProfileRead, dependencies=[allow(READ)])
def profile(name: str, version: str, session: SessionDep, caller: CallerDep, path: str = "") -> DataProfile:
    """Not found until somebody has asked for it."""
    return profiles.get(session, queries.get_version(session, caller.workspace.id, name, version), path)


@router.post(
    "/data/{name}/versions/{version}/profile",
    status_code=202,
    response_model=ProfileRead,
    dependencies=[allow(PROFILE)],
)
def ask(name: str, version: str, session: SessionDep, caller: CallerDep, path: str = "") -> DataProfile:
    """Have a worker make it. One that there is stays, unless it failed or the files may have changed."""
    found = queries.get_version(session, caller.workspace.id, name, version)
    note(session, "data", f"{name}:{version}", after={"profile": path or "all files"})
    return profiles.ask(session, found, path, asked_by=caller.user.name)
