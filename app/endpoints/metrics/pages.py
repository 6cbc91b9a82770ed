"""The tab Metrics of an endpoint."""

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow
from app.endpoints import queries as endpoints
from app.endpoints.metrics import queries
from app.endpoints.metrics.curves import CURVES
from app.endpoints.pages_endpoint import context_of
from app.endpoints.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/endpoints/{name}", include_in_schema=False)
RANGES = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_WHERE = {
    "GpuUtilizationPercentage": "on_gpus",
    "GpuMemoryBytes": "on_gpus",
    "DisagreementPercentage": "compared",
    "DataCollectionEventsPerMinute": "collected",
    "DataCollectionErrorsPerMinute": "dropped",
}
"""What is drawn only where there is some of it."""


@router.get("/metrics", dependencies=[allow(READ)])
def metrics(
    name: str, request: Request, session: SessionDep, caller: CallerDep, range: str = "1h", deployment: str = ""
) -> Response:
    context = _context(name, request, session, caller, range, deployment)
    return templates.TemplateResponse(request, "endpoints/metrics.html", context)


@router.get("/_metrics", dependencies=[allow(READ)])
def metrics_fragment(
    name: str, request: Request, session: SessionDep, caller: CallerDep, range: str = "1h", deployment: str = ""
) -> Response:
    """The numbers above the charts, which grow by themselves."""
    context = _context(name, request, session, caller, range, deployment)
    return templates.TemplateResponse(request, "endpoints/_metrics.html", context)


def _context(name: str, request: Request, session: Session, caller: Caller, range: str, deployment: str) -> dict:
    endpoint = endpoints.get(session, caller.workspace.id, name)
    found = queries.summary(session, endpoint, queries.Window.of(range))
    drawn = [key for key in CURVES if key not in _WHERE or any(one[_WHERE[key]] for one in found.values())]
    return context_of(
        request,
        caller,
        endpoint,
        "metrics",
        summary={of: one for of, one in found.items() if deployment in ("", of)},
        any_kept=bool(found) or queries.any_kept(session, endpoint),
        ranges=RANGES,
        chosen=range,
        deployment=deployment,
        deployments=sorted({item.name for item in endpoint.deployments} | {of for of in found if of}),
        curves={key: CURVES[key].title for key in drawn},
    )
