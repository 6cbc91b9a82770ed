"""For operators and their monitoring: liveness, readiness, metrics."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from app.access.guard import allow
from app.access.permissions import PUBLIC
from app.endpoints.gateway import COUNTERS
from app.endpoints.metrics.exposition import UseCollector
from app.home.health import readiness

router = APIRouter(tags=["operation"])
REGISTRY.register(COUNTERS)
REGISTRY.register(UseCollector())


@router.get("/healthz", dependencies=[allow(PUBLIC)])
def healthz() -> dict:
    return {"status": "ok"}


@router.get("/readyz", dependencies=[allow(PUBLIC)])
def readyz(request: Request, response: Response) -> dict:
    state = readiness(request.app.state.settings)
    response.status_code = 200 if state["status"] == "ready" else 503
    return state


@router.get("/metrics", dependencies=[allow(PUBLIC)], response_class=Response)
def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
