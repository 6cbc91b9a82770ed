"""The page that says how code of one's own reaches this workspace, with address and token filled in."""

import json
import shlex
from pathlib import Path

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access import service
from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.access.permissions import OWN_ACCOUNT_WRITE
from app.access.tables import User
from app.dialects.arm.cloud import address
from app.dialects.arm.variables import GROUP, SUBSCRIPTION, variables
from app.web.session import SessionDep
from app.web.templating import templates
from app.workspaces.permissions import READ

router = APIRouter(prefix="/python")
PAGE = "home/python.html"
DAYS = 30
NO_TOKEN = "YOUR-TOKEN"
BUNDLE = "atelier-ca-bundle.pem"
FETCH = """curl -s {url}/metadata/certificate-authority.pem | cat "$(python -m certifi)" - > ~/{bundle}"""


@router.get("", dependencies=[allow(READ)])
def python(request: Request, caller: CallerDep) -> Response:
    return templates.TemplateResponse(request, PAGE, _context(request, caller, NO_TOKEN))


@router.post("", dependencies=[allow(OWN_ACCOUNT_WRITE)])
def with_token(request: Request, session: SessionDep, caller: CallerDep) -> Response:
    """Answers with the page itself: the secret exists only in this answer."""
    plain = _new_token(session, caller)
    context = _context(request, caller, plain) | {"made": True}
    return templates.TemplateResponse(request, PAGE, context, status_code=201, headers={"Cache-Control": "no-store"})


def _new_token(session: Session, caller: Caller) -> str:
    token, plain = service.create_token(session, session.get_one(User, caller.user.id), "Python", days=DAYS)
    note(session, "tokens", token.name)
    return plain


def _context(request: Request, caller: Caller, token: str) -> dict:
    base, settings = address(request), request.app.state.settings
    own = not settings.tls_certificate and (settings.home / "tls" / "ca.pem").is_file()
    workspace = caller.workspace.name
    values = variables(base, workspace, token, f"~/{BUNDLE}" if own else None)
    lines = [f"export {name}={_quoted(value)}" for name, value in values.items()]
    if own:
        lines.insert(0, FETCH.format(url=_plain(request), bundle=BUNDLE))
    elsewhere = "" if workspace == "default" else f" --workspace {workspace}"
    here = f'eval "$(atelier env --home {shlex.quote(str(_short(settings.home)))}{elsewhere})"'
    config = {"subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace_name": workspace}
    told = {"shell": "\n".join(lines), "here": here, "config": json.dumps(config, indent=4)}
    return told | {"secure": base.startswith("https:"), "days": DAYS}


def _quoted(value: str) -> str:
    # A quoted ~ would not be the home folder.
    return value if value.startswith("~/") else shlex.quote(value)


def _plain(request: Request) -> str:
    """Where the authority can be fetched before it is trusted."""
    return str(request.base_url).rstrip("/").removesuffix(request.scope.get("root_path", ""))


def _short(folder: Path) -> Path:
    home = Path.home()
    return Path("~") / folder.relative_to(home) if folder.is_relative_to(home) else folder
