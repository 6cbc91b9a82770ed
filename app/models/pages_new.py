"""The page that registers a model, and the form that other pages post to it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.assets.names import check_name
from app.errors import AtelierError, Invalid
from app.models import service
from app.models.permissions import WRITE
from app.models.tables import ModelVersion
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(include_in_schema=False)
TYPES = [
    ("", "By its files"),
    ("mlflow_model", "MLflow model"),
    ("custom_model", "Custom model"),
    ("triton_model", "Triton model"),
]


@router.get("/new", dependencies=[allow(WRITE)])
def new_page(request: Request, name: str = "", source: str = "") -> Response:
    context = {"types": TYPES, "filled": {"name": name, "source": source, "type": "", "description": ""}}
    return templates.TemplateResponse(request, "models/new.html", context)


@router.post("/register", dependencies=[allow(WRITE)])
def register(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    type: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
) -> Response:
    """One more version of the model of that name, or the first."""
    filled = {"name": name, "source": source, "type": type, "description": description}
    try:
        check_name(name.strip())
        made = _register(session, caller, name.strip(), source.strip(), type, description.strip())
    except AtelierError as error:
        return refuse(request, session, "models/new.html", error, {"types": TYPES, "filled": filled})
    note(session, "models", f"{made.model.name}:{made.version}", after={"source": made.source, "type": made.type})
    address = url_for_workspace(caller.workspace.name, f"/models/{made.model.name}/versions/{made.version}")
    return RedirectResponse(address, 303)


def _register(session: Session, caller: Caller, name: str, source: str, type: str, description: str) -> ModelVersion:
    if not source:
        raise Invalid("source: say where the files lie.", target="source")
    made = {"type": type or None, "description": description, "created_by": caller.user.name}
    try:
        return service.register(session, workspace_id=caller.workspace.id, name=name, source=source, **made)
    except AtelierError as error:
        # A job, model or path that is not there is wrong in the one field that names it.
        error.target = "type" if error.target == "type" else "source"
        raise
