"""MLflow's calls about workspaces, which are Atelier's own; `app.web.addressing` reads the header that names one."""

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from app.access import queries
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_READ
from app.access.tables import Workspace
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer
from app.errors import Invalid, NotFound, Unsupported
from app.web.addressing import DEFAULT
from app.web.session import SessionDep
from app.workspaces import service
from app.workspaces.permissions import WRITE

router = APIRouter(prefix="/workspaces")
_ELSEWHERE = ("default_artifact_root", "trace_archival_config")


def _shown(workspace: Workspace) -> dict:
    return {"name": workspace.name, "description": workspace.description}


def _visible(session: Session, caller: Caller) -> list[Workspace]:
    return [found for found in queries.workspaces(session) if caller.user.actions_in(found.id)]


def _get(session: Session, caller: Caller, name: str) -> Workspace:
    found = next((workspace for workspace in _visible(session, caller) if workspace.name == name), None)
    if found is None:
        raise NotFound(f"Workspace '{name}' not found", target="workspace_name")
    return found


def _check_store(arguments: Arguments) -> None:
    for name in _ELSEWHERE:
        if arguments.fields.get(name):
            raise Invalid(
                f"{name}: all workspaces keep their files in the server's own store. Leave it out.", target=name
            )


@router.get("", dependencies=[allow(OWN_ACCOUNT_READ)])
def listing(session: SessionDep, caller: CallerDep) -> Response:
    """Those in which the caller may do anything."""
    return answer({"workspaces": [_shown(workspace) for workspace in _visible(session, caller)]})


@router.get("/{name}", dependencies=[allow(OWN_ACCOUNT_READ)])
def get(name: str, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"workspace": _shown(_get(session, caller, name))})


@router.post("", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    name, description = arguments.text("name"), arguments.optional_text("description")
    _check_store(arguments)
    made = service.create(session, name, description=description, created_by=caller.user.name)
    note(session, "workspaces", made.name, after=_shown(made))
    return answer({"workspace": _shown(made)}, status=201)


@router.patch("/{name}", dependencies=[allow(WRITE)])
def update(name: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = _get(session, caller, name)
    _check_store(arguments)
    if "description" not in arguments:
        raise Invalid("Workspace update must have at least one key: description.", target="description")
    before = _shown(found)
    service.describe(session, found, arguments.optional_text("description"))
    note(session, "workspaces", name, before=before, after=_shown(found))
    return answer({"workspace": _shown(found)})


@router.delete("/{name}", dependencies=[allow(WRITE)])
def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
    """Raises Unsupported: what is in a workspace is deleted there."""
    if name == DEFAULT:
        raise Invalid(f"The '{DEFAULT}' workspace is reserved and cannot be deleted", target="workspace_name")
    _get(session, caller, name)
    raise Unsupported("Workspace deletion is not supported by this provider")
