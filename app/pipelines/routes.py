"""REST for the steps of a pipeline."""

from fastapi import APIRouter

from app.access.guard import CallerDep, allow
from app.jobs import queries as jobs
from app.jobs.permissions import READ
from app.pipelines import queries
from app.pipelines.schemas import Graph
from app.web.session import SessionDep

router = APIRouter(prefix="/api/jobs/{name}", tags=["jobs"])


@router.get("/graph", response_model=Graph, dependencies=[allow(READ)])
def graph(name: str, session: SessionDep, caller: CallerDep) -> Graph:
    """The steps of a pipeline with their states, and what flows between them."""
    pipeline = jobs.get(session, caller.workspace.id, name)
    queries.steps_of(pipeline)
    return Graph.of(pipeline, queries.started(session, pipeline))
