"""The tab Requests of an endpoint: its access log."""

from fastapi import APIRouter, Request, Response

from app.access.guard import CallerDep, allow
from app.endpoints import queries
from app.endpoints.access_log import reading
from app.endpoints.access_log.reading import Filter
from app.endpoints.pages_endpoint import context_of
from app.endpoints.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/endpoints/{name}", include_in_schema=False)


@router.get("/requests", dependencies=[allow(READ)])
def requests(
    name: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    deployment: str = "",
    status: str = "",
    request_id: str = "",
    before: str = "",
) -> Response:
    endpoint = queries.get(session, caller.workspace.id, name)
    wanted = Filter(deployment, status, request_id.strip())
    lines, after = reading.page(endpoint, wanted, before)
    narrowed = {key: value for key, value in vars(wanted).items() if value}
    context = context_of(
        request, caller, endpoint, "requests", lines=lines, after=after, before=before, wanted=wanted, narrowed=narrowed
    )
    return templates.TemplateResponse(request, "endpoints/requests.html", context)
