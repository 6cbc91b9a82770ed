"""What the run table's menu of views does: save what is shown, bring a view up to date, rename, share, delete."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import Invalid
from app.tracking import views
from app.tracking.permissions import VIEWS_WRITE
from app.tracking.tables import View
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs/views", include_in_schema=False)
Text = Annotated[str, Form()]
Tick = Annotated[bool, Form()]


def _shown(caller: Caller, query: str, view: View | None = None) -> RedirectResponse:
    marked = f"{query}&view={view.id}" if view else query
    return RedirectResponse(f"{url_for_workspace(caller.workspace.name, '/jobs')}?{marked.lstrip('&')}", 303)


def _opened(view: View | None, query: str, opens: bool) -> list[str]:
    """The experiments that open with a view, when it is ticked, or not, that the one that it shows does."""
    experiment = dict(parse_qsl(query)).get("experiment")
    if opens and not experiment:
        raise Invalid("opens: this view shows no one experiment. Choose one in the filter first.", target="opens")
    names = {default.experiment.name for default in view.defaults} if view else set()
    return sorted(names | {experiment} if opens else names - {experiment})


@router.post("", dependencies=[allow(VIEWS_WRITE)])
def create(
    session: SessionDep, caller: CallerDep, name: Text = "", query: Text = "", shared: Tick = False, opens: Tick = False
) -> RedirectResponse:
    default_for = _opened(None, query, opens)
    view = views.create(session, caller, name, query, is_shared=shared, default_for=default_for)
    note(session, "views", view.name, after={"query": view.query, "shared": shared, "default_for": default_for})
    return _shown(caller, view.query, view)


@router.post("/{view_id}/update", dependencies=[allow(VIEWS_WRITE)])
def update(view_id: int, session: SessionDep, caller: CallerDep, query: Text = "") -> RedirectResponse:
    """Keep what is shown now."""
    view = views.get_changeable(session, caller, view_id)
    before = view.query
    views.change(session, view, query=query)
    note(session, "views", view.name, {"query": before}, {"query": view.query})
    return _shown(caller, view.query, view)


@router.post("/{view_id}/edit", dependencies=[allow(VIEWS_WRITE)])
def edit(
    view_id: int,
    session: SessionDep,
    caller: CallerDep,
    name: Text = "",
    query: Text = "",
    shared: Tick = False,
    opens: Tick = False,
) -> RedirectResponse:
    """Keep what is shown, under this name, shared or not."""
    view = views.get_changeable(session, caller, view_id)
    before = {"name": view.name, "query": view.query, "shared": view.is_shared}
    default_for = _opened(view, query, opens)
    views.change(session, view, name=name, query=query, is_shared=shared, default_for=default_for)
    after = {"name": name, "query": view.query, "shared": shared, "default_for": default_for}
    note(session, "views", view.name, before, after)
    return _shown(caller, view.query, view)


@router.post("/{view_id}/delete", dependencies=[allow(VIEWS_WRITE)])
def delete(view_id: int, session: SessionDep, caller: CallerDep, query: Text = "") -> RedirectResponse:
    view = views.get_changeable(session, caller, view_id)
    note(session, "views", view.name, before={"query": view.query, "shared": view.is_shared})
    views.remove(session, view)
    return _shown(caller, views.kept(query))
