"""The page of the table that says in which environment the jobs of a container image run."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.environments import curated, images, service
from app.environments.permissions import MANAGE_IMAGES, READ
from app.errors import AtelierError
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/images")


@router.get("", dependencies=[allow(READ)])
def table(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    return _page(request, session, caller)


@router.post("", dependencies=[allow(MANAGE_IMAGES)])
def put(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    image: Annotated[str, Form()] = "",
    environment: Annotated[str, Form()] = "",
) -> Response:
    image, environment = image.strip(), environment.strip()
    try:
        service.put_image(session, caller.workspace.id, image, environment, created_by=caller.user.name)
    except AtelierError as error:
        session.info.pop("conclude", None)
        filled = {"image": image, "environment": environment}
        return _page(request, session, caller, filled, {error.target or "image": error.message}, error.status)
    note(session, "environments", f"image {image}", after={"environment": environment})
    return _to_table(caller)


@router.post("/{image_id}/remove", dependencies=[allow(MANAGE_IMAGES)])
def remove(image_id: int, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    row = service.remove_image(session, caller.workspace.id, image_id)
    note(session, "environments", f"image {row.image}", before={"environment": row.environment})
    return _to_table(caller)


def _page(request: Request, session, caller, filled: dict | None = None, errors: dict | None = None, status: int = 200):
    context = {
        "own": images.of_workspace(session, caller.workspace.id),
        "brought": images.brought(),
        "known": list(curated.environments()),
        "filled": filled or {},
        "errors": errors or {},
        "may_write": caller.can(MANAGE_IMAGES.name),
    }
    return templates.TemplateResponse(request, "environments/images.html", context, status_code=status)


def _to_table(caller) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, "/environments/images"), 303)
