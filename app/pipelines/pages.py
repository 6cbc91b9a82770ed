"""The tabs of a pipeline's page: its graph with a panel for each step, and the timeline of its steps."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.errors import NotFound
from app.jobs import queries as jobs
from app.jobs.pages_job import page
from app.jobs.permissions import READ, WRITE
from app.jobs.places import USER_LOG
from app.jobs.tables import Job
from app.kit.clock import now
from app.pipelines import queries, reuse, service
from app.pipelines.drawing import SIZES, picture
from app.pipelines.schemas import Graph
from app.pipelines.timeline import PHASES, ticks, timeline
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs/{name}", include_in_schema=False)


def _graph(session: Session, pipeline: Job) -> Graph:
    return Graph.of(pipeline, queries.started(session, pipeline))


def _drawn(session: Session, pipeline: Job) -> dict[str, Any]:
    graph = _graph(session, pipeline)
    return {"job": pipeline, "graph": graph, "picture": picture(graph), "sizes": SIZES}


def _step(session: Session, pipeline: Job, graph: Graph, step: str) -> dict[str, Any]:
    """What the panel of a step shows; raises NotFound for a step that the pipeline does not have."""
    node = next((node for node in graph.nodes if node.id == step), None)
    if node is None:
        raise NotFound(f"step: pipeline {pipeline.name} has no step {step!r}.", target="step")
    job = jobs.find(session, pipeline.workspace_id, node.job) if node.job else None
    assets = jobs.assets(session, job) if job else []
    row = queries.row_of(session, pipeline, step)
    forced = pipeline.spec["pipeline"]["settings"].get("force_rerun", False)
    return {
        "step": node,
        "step_job": job,
        "inner": _graph(session, job).nodes if job and job.type == "pipeline" else [],
        "sources": [edge for edge in graph.edges if edge.target == step],
        "targets": [edge for edge in graph.edges if edge.source == step],
        "read": {edge.port: edge for edge in assets if edge.direction == "input"},
        "wrote": {edge.port: edge for edge in assets if edge.direction == "output"},
        "reuse": reuse.explain(session, row, force_rerun=forced) if row else None,
        "user_log": USER_LOG,
    }


@router.get("/graph", dependencies=[allow(READ)])
def graph_page(name: str, request: Request, session: SessionDep, caller: CallerDep, step: str = "") -> Response:
    pipeline = jobs.get(session, caller.workspace.id, name)
    more = _drawn(session, pipeline)
    if step:
        more |= _step(session, pipeline, more["graph"], step)
    return page(request, session, caller, name, "graph", "pipelines/graph.html", **more)


@router.get("/graph/_drawing", dependencies=[allow(READ)])
def drawing_fragment(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    pipeline = jobs.get(session, caller.workspace.id, name)
    return templates.TemplateResponse(request, "pipelines/_drawing.html", _drawn(session, pipeline))


@router.get("/graph/_step", dependencies=[allow(READ)])
def step_fragment(name: str, step: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    pipeline = jobs.get(session, caller.workspace.id, name)
    context = {"job": pipeline, **_step(session, pipeline, _graph(session, pipeline), step)}
    return templates.TemplateResponse(request, "pipelines/_step.html", context)


@router.get("/timeline", dependencies=[allow(READ)])
def timeline_page(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    pipeline = jobs.get(session, caller.workspace.id, name)
    found = timeline(session, pipeline, _graph(session, pipeline), now())
    more = {"job": pipeline, "timeline": found, "ticks": ticks(found.seconds), "phases": PHASES}
    return page(request, session, caller, name, "timeline", "pipelines/timeline.html", **more)


@router.post("/retry", dependencies=[allow(WRITE)])
def retry(name: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    pipeline = jobs.get(session, caller.workspace.id, name)
    before = pipeline.status
    service.retry(session, pipeline)
    note(session, "jobs", name, before={"status": before}, after={"status": pipeline.status})
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/jobs/{name}/graph"), 303)
