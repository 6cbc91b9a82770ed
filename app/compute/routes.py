"""REST for compute."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.access.guard import allow
from app.compute import queries
from app.compute.permissions import READ
from app.web.session import SessionDep

router = APIRouter(prefix="/api/compute", tags=["compute"])


class WorkerRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    host: str
    slots: int
    processors: int
    memory_bytes: int
    gpus: list
    usage: dict
    started_at: datetime
    heartbeat_at: datetime


@router.get("", response_model=list[WorkerRead], dependencies=[allow(READ)])
def workers(session: SessionDep):
    """The workers that are there now."""
    return queries.working(session)
