"""The page of the audit record."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.access.guard import CallerDep, allow
from app.activity import queries
from app.activity.permissions import READ
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(include_in_schema=False)


@router.get("/audit", dependencies=[allow(READ)])
def audit(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    actor: str = "",
    action: str = "",
    target: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    found = queries.records(
        session, caller.workspace.id, actor=actor.strip(), action=action.strip(), target=target.strip(), number=page
    )
    return templates.TemplateResponse(request, "activity/list.html", {"page": found})
