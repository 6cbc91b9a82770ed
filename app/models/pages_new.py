"""The page that registers a model, and the form that other pages post to it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.assets.names import check_name
from app.errors import AtelierError, Invalid
from app.models import service
from app.models.permissions import WRITE
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
        if not source.strip():
            raise Invalid("source: say where the files lie.", target="source")
        made = service.register(
            session,
            workspace_id=caller.workspace.id,
            name=name.strip(),
            source=source.strip(),
            type=type or None,
            description=description.strip(),
            created_by=caller.user.name,
        )
    except AtelierError as error:
        # Whatever of the source is wrong, it is the one field that says where the files lie.
        error.target = error.target if error.target in ("name", "type") else "source"
        return refuse(request, session, "models/new.html", error, {"types": TYPES, "filled": filled})
    note(session, "models", f"{made.model.name}:{made.version}", after={"source": made.source, "type": made.type})
    address = url_for_workspace(caller.workspace.name, f"/models/{made.model.name}/versions/{made.version}")
    return RedirectResponse(address, 303)
