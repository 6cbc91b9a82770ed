"""Pages of environments: the curated ones, and what is in each."""

from fastapi import APIRouter, Request, Response

from app.access.guard import allow
from app.environments import standing
from app.environments.permissions import READ
from app.web.templating import templates

router = APIRouter(prefix="/environments", include_in_schema=False)


@router.get("", dependencies=[allow(READ)])
def environments(request: Request) -> Response:
    found = standing.curated_environments(request.app.state.settings.environments_folder)
    return templates.TemplateResponse(request, "environments/list.html", {"environments": found})


@router.get("/{name}", dependencies=[allow(READ)])
def environment(name: str, request: Request, text: str = "") -> Response:
    found = standing.get(request.app.state.settings.environments_folder, name)
    wanted = text.strip().lower()
    packages = [item for item in found.packages if wanted in item[0].lower()]
    context = {"environment": found, "packages": packages}
    return templates.TemplateResponse(request, "environments/environment.html", context)
