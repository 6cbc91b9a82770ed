"""Pages that make, describe and archive components."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.assets import archiving
from app.components import queries, service
from app.components.permissions import WRITE
from app.components.queries import COMPONENTS
from app.components.tables import ComponentVersion
from app.errors import AtelierError, Invalid
from app.jobs import drafts, packing
from app.jobs.specification import is_local, load_component
from app.kit import documents
from app.web.addressing import url_for_workspace
from app.web.routing import include
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter()
EXAMPLE = drafts.DIGITS / "component.yml"


@router.get("/new", dependencies=[allow(WRITE)])
def new(request: Request, session: SessionDep, caller: CallerDep, name: str = "") -> Response:
    """An editor with the example in it, or with the newest version of the component `name`."""
    found = queries.get_version(session, caller.workspace.id, name) if name else None
    draft = drafts.Draft(found.source_yaml if found else EXAMPLE.read_text(), name, True)
    return templates.TemplateResponse(request, "components/new.html", {"draft": draft})


@router.post("/new", dependencies=[allow(WRITE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    yaml: Annotated[str, Form()] = "",
    source: Annotated[str, Form(alias="from")] = "",
    keep_code: Annotated[bool, Form()] = False,
    code: Annotated[list[UploadFile], File()] = [],
) -> Response:
    files = [(file.filename, file.file) for file in code if file.filename]
    draft = drafts.Draft(yaml, source, keep_code and not files)
    before = queries.get_version(session, caller.workspace.id, source) if source else None
    try:
        uploads = _uploads(caller, draft, before, files, request.app.state.settings.upload_bytes)
        made = service.create(session, caller.workspace.id, yaml, uploads, created_by=caller.user.name)
    except AtelierError as error:
        # What raised wrote nothing: everything is checked first.
        session.info.pop("conclude", None)
        context = {"draft": draft, "error": error, "excerpt": documents.excerpt(yaml, error.message)}
        return templates.TemplateResponse(request, "components/new.html", context, status_code=error.status)
    note(session, "components", f"{made.component.name}:{made.version}", after={"type": made.type})
    return _to(caller, f"/components/{made.component.name}/versions/{made.version}")


def _uploads(
    caller: Caller, draft: drafts.Draft, before: ComponentVersion | None, files: packing.Files, limit_bytes: int
) -> dict[str, str]:
    """Where the local code of the file lies: what was sent now, else what the version before has, or the example."""
    spec = load_component(draft.yaml)
    has_local = bool(spec.code) and is_local(spec.code)
    if files and not has_local:
        raise Invalid(
            "code: files were chosen, but the file has no local `code` that they could be; write `code: ./src`.",
            target="code",
        )
    if files:
        return {spec.code: packing.store_files(caller.workspace.id, files, limit_bytes)}
    if not has_local or not draft.keeps_code:
        return {}
    if before is None:
        return {spec.code: packing.store_folder(caller.workspace.id, drafts.DIGITS / "src")}
    return {spec.code: before.spec["code"]} if before.spec.get("code") else {}


@router.post("/{name}/versions/{version}/describe", dependencies=[allow(WRITE)])
def describe(
    name: str,
    version: str,
    session: SessionDep,
    caller: CallerDep,
    display_name: Annotated[str, Form(max_length=255)] = "",
    description: Annotated[str, Form()] = "",
) -> RedirectResponse:
    found = queries.get_version(session, caller.workspace.id, name, version)
    before = {"display_name": found.display_name, "description": found.description}
    after = {"display_name": display_name.strip(), "description": description.strip()}
    service.change(found, **after)
    note(session, "components", f"{name}:{version}", before=before, after=after)
    return _to(caller, f"/components/{name}/versions/{version}")


include(router, archiving.forms(COMPONENTS, "components", WRITE))


def _to(caller: Caller, path: str) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)
