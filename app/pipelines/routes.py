"""REST for the steps of a pipeline."""

from fastapi import APIRouter

from app.access.guard import CallerDep, allow, note
from app.jobs import queries as jobs
from app.jobs.permissions import READ, WRITE
from app.jobs.schemas import JobRead
from app.pipelines import queries, reuse, service
from app.pipelines.schemas import Graph, ReuseRead
from app.web.session import SessionDep

router = APIRouter(prefix="/api/jobs/{name}", tags=["jobs"])


@router.get("/graph", response_model=Graph, dependencies=[allow(READ)])
def graph(name: str, session: SessionDep, caller: CallerDep) -> Graph:
    """The steps of a pipeline with their states, and what flows between them."""
    pipeline = jobs.get(session, caller.workspace.id, name)
    queries.steps_of(pipeline)
    return Graph.of(pipeline, queries.started(session, pipeline))


@router.get("/steps/{step}/reuse", response_model=ReuseRead, dependencies=[allow(READ)])
def why_reused(name: str, step: str, session: SessionDep, caller: CallerDep) -> ReuseRead:
    """Whether a step took over the outputs of an earlier run, and what differs from the nearest one where not."""
    pipeline = jobs.get(session, caller.workspace.id, name)
    row = queries.row_of(session, pipeline, step)
    if row is None:
        return ReuseRead(reused_from=None, reason="The step was not started.", compared_with=None, differences=[])
    forced = pipeline.spec["pipeline"]["settings"].get("force_rerun", False)
    return ReuseRead.model_validate(reuse.explain(session, row, force_rerun=forced))


@router.post("/retry", response_model=JobRead, dependencies=[allow(WRITE)])
def retry(name: str, session: SessionDep, caller: CallerDep) -> JobRead:
    """Go on from the steps of a pipeline that failed or were canceled; what completed is kept."""
    pipeline = jobs.get(session, caller.workspace.id, name)
    before = pipeline.status
    service.retry(session, pipeline)
    note(session, "jobs", name, before={"status": before}, after={"status": pipeline.status})
    return JobRead.of(pipeline)
