"""Pages of a kind of definition: the list, one definition, and the form that makes or changes one."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import yaml
from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow
from app.access.permissions import Action
from app.connections.definition_routes import remove, save
from app.connections.definitions import Definitions, shown
from app.errors import AtelierError
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.templating import templates


@dataclass(frozen=True)
class Words:
    """What the pages say: `lead` on top of the list, `first` where there is none yet, `example` in the form.

    `own` are rows of the list that every workspace has: name, type and what it is.
    """

    title: str
    lead: str
    first: str
    icon: str
    example: str
    address: str
    own: tuple[tuple[str, str, str], ...] = ()


def pages(kind: Definitions, words: Words, read: Action, write: Action) -> APIRouter:
    router = APIRouter(prefix=f"/{kind.plural}", include_in_schema=False)

    def answer(request: Request, template: str, caller: CallerDep, *, status: int = 200, **context) -> Response:
        context |= {"kind": kind, "words": words, "may_write": caller.can(write.name)}
        return templates.TemplateResponse(request, f"connections/{template}.html", context, status_code=status)

    @router.get("", dependencies=[allow(read)])
    def list_page(
        request: Request,
        session: SessionDep,
        caller: CallerDep,
        text: str = "",
        sort: str = "name",
        page: Annotated[int, Query(ge=1)] = 1,
    ) -> Response:
        found = kind.page(session, caller.workspace.id, text=text.strip(), sort=sort, number=page, size=25)
        return answer(request, "list", caller, page=found, narrowed=bool(text.strip()))

    @router.get("/new", dependencies=[allow(write)])
    def new(request: Request, session: SessionDep, caller: CallerDep, name: str = "") -> Response:
        """An editor with an example, or with what `name` is now, without its secrets."""
        found = kind.get(session, caller.workspace.id, name) if name else None
        return answer(request, "new", caller, text=_file(found) if found else words.example, changed=name)

    @router.post("/new", dependencies=[allow(write)])
    def create(request: Request, session: SessionDep, caller: CallerDep, text: Annotated[str, Form()] = "") -> Response:
        try:
            made = save(kind, session, caller, kind.read(text))
        except AtelierError as error:
            # What raised wrote nothing: everything is checked first.
            session.info.pop("conclude", None)
            return answer(request, "new", caller, status=error.status, text=text, error=error, changed="")
        return _to(caller, f"/{kind.plural}/{quote(made.name)}")

    @router.get("/{name}", dependencies=[allow(read)])
    def show(name: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
        return answer(request, "show", caller, found=kind.get(session, caller.workspace.id, name))

    @router.post("/{name}/delete", dependencies=[allow(write)])
    def delete(name: str, session: SessionDep, caller: CallerDep) -> Response:
        remove(kind, session, caller, name)
        return _to(caller, f"/{kind.plural}")

    return router


def _file(found) -> str:
    fields = {name: value for name, value in shown(found).items() if value not in ("", {}) and name != "credentials"}
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


def _to(caller: CallerDep, path: str) -> Response:
    return RedirectResponse(url_for_workspace(caller.workspace.name, path), 303)
