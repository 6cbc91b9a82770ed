"""Pages that make, describe and archive environments."""

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.assets import archiving
from app.environments import files, queries, service
from app.environments.permissions import WRITE
from app.environments.queries import ENVIRONMENTS
from app.errors import AtelierError, Invalid
from app.kit.documents import excerpt
from app.web.addressing import url_for_workspace
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
include(router, archiving.forms(ENVIRONMENTS, "environments", WRITE))
MOST_BYTES = 1 << 20
EXAMPLE = """\
name: my-packages
description: What my jobs need.
conda_file:
  dependencies:
    - python=3.11
    - pip
    - pip:
        - scikit-learn
        - mlflow-skinny
"""


@router.get("/new", dependencies=[allow(WRITE)])
def new(request: Request, session: SessionDep, caller: CallerDep, name: str = "") -> Response:
    """An editor with an example in it, or with the newest version of the environment `name`."""
    found = queries.get_version(session, caller.workspace.id, name) if name else None
    context = {"yaml": found.source_yaml if found else EXAMPLE}
    return templates.TemplateResponse(request, "environments/new.html", context)


@router.post("/new", dependencies=[allow(WRITE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    yaml: Annotated[str, Form()] = "",
    packages: Annotated[list[UploadFile], File()] = [],
) -> Response:
    try:
        uploads = _uploads(yaml, [file for file in packages if file.filename])
        made = service.create(session, caller.workspace.id, yaml, uploads, created_by=caller.user.name)
    except AtelierError as error:
        # What raised wrote nothing: everything is checked first.
        session.info.pop("conclude", None)
        context = {"yaml": yaml, "error": error, "excerpt": excerpt(yaml, error.message)}
        return templates.TemplateResponse(request, "environments/new.html", context, status_code=error.status)
    note(session, "environments", f"{made.environment.name}:{made.version}", after={"definition": made.definition})
    return _to(caller, f"/environments/{made.environment.name}/versions/{made.version}")


def _uploads(yaml: str, sent: list[UploadFile]) -> dict[str, str]:
    """The text of the conda or requirements file that was chosen, under the path by which the file names it."""
    texts = {file.filename: file.file.read(MOST_BYTES).decode(errors="replace") for file in sent}
    conda = files.load(yaml).definition.get("conda_file")
    if not texts or not isinstance(conda, str):
        return texts
    name = PurePosixPath(conda).name
    if name not in texts:
        raise Invalid(f"conda_file: it names {name!r}, and {', '.join(texts)} was chosen.", target="conda_file")
    return {conda: texts[name]}


@router.post("/{name}/versions/{version}/describe", dependencies=[allow(WRITE)])
def describe(
    name: str,
    version: str,
    session: SessionDep,
    caller: CallerDep,
    description: Annotated[str, Form()] = "",
    labels: Annotated[str, Form()] = "",
) -> RedirectResponse:
    found = queries.get_version(session, caller.workspace.id, name, version)
    before = {"description": found.description}
    after = {
        "description": description.strip(),
        "labels": [label.strip() for label in labels.split(",") if label.strip()],
    }
    service.change(found, **after)
    note(session, "environments", f"{name}:{version}", before=before, after=after)
    return _to(caller, f"/environments/{name}/versions/{version}")


def _to(caller, path: str) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)
