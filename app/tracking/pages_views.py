"""What the run table's menu of views does: save what is shown, bring a view up to date, rename, share, delete."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import AtelierError, Invalid
from app.tracking import views
from app.tracking.permissions import OWN_VIEWS_WRITE
from app.tracking.tables import View
from app.web import forms
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep

router = APIRouter(prefix="/jobs/views", include_in_schema=False)
Text = Annotated[str, Form()]
Tick = Annotated[bool, Form()]


def _shown(request: Request, caller: Caller, query: str, view: View | None = None) -> Response:
    marked = f"{query}&view={view.id}" if view else query
    return forms.follow(request, f"{url_for_workspace(caller.workspace.name, '/jobs')}?{marked.lstrip('&')}")


def _refused(request: Request, session: Session, error: AtelierError) -> Response:
    """What was wrong, within the dialog, which stays as it was filled in; without scripts, a page of its own."""
    if "HX-Request" not in request.headers:
        raise error
    return forms.refuse(request, session, "jobs/_view_problem.html", error, {})


def _opened(view: View | None, query: str, opens: bool) -> list[str]:
    """The experiments that open with a view, when it is ticked, or not, that the one that it shows does."""
    experiment = dict(parse_qsl(query)).get("experiment")
    if opens and not experiment:
        raise Invalid("opens: this view shows no one experiment. Choose one in the filter first.", target="opens")
    names = {default.experiment.name for default in view.defaults} if view else set()
    return sorted(names | {experiment} if opens else names - {experiment})


@router.post("", dependencies=[allow(OWN_VIEWS_WRITE)])
def create(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Text = "",
    query: Text = "",
    shared: Tick = False,
    opens: Tick = False,
) -> Response:
    try:
        default_for = _opened(None, query, opens)
        with session.begin_nested():
            view = views.create(session, caller, name, query, is_shared=shared, default_for=default_for)
    except AtelierError as error:
        return _refused(request, session, error)
    note(session, "views", view.name, after={"query": view.query, "shared": shared, "default_for": default_for})
    return _shown(request, caller, view.query, view)


@router.post("/{view_id}/update", dependencies=[allow(OWN_VIEWS_WRITE)])
def update(view_id: int, request: Request, session: SessionDep, caller: CallerDep, query: Text = "") -> Response:
    """Keep what is shown now."""
    view = views.get_changeable(session, caller, view_id)
    before = view.query
    views.change(session, caller, view, query=query)
    note(session, "views", view.name, {"query": before}, {"query": view.query})
    return _shown(request, caller, view.query, view)


@router.post("/{view_id}/edit", dependencies=[allow(OWN_VIEWS_WRITE)])
def edit(
    view_id: int,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    name: Text = "",
    query: Text = "",
    shared: Tick = False,
    opens: Tick = False,
) -> Response:
    """Keep what is shown, under this name, shared or not."""
    view = views.get_changeable(session, caller, view_id)
    before = {"name": view.name, "query": view.query, "shared": view.is_shared}
    try:
        default_for = _opened(view, query, opens)
        with session.begin_nested():
            views.change(session, caller, view, name=name, query=query, is_shared=shared, default_for=default_for)
    except AtelierError as error:
        return _refused(request, session, error)
    after = {"name": name, "query": view.query, "shared": shared, "default_for": default_for}
    note(session, "views", view.name, before, after)
    return _shown(request, caller, view.query, view)


@router.post("/{view_id}/delete", dependencies=[allow(OWN_VIEWS_WRITE)])
def delete(view_id: int, request: Request, session: SessionDep, caller: CallerDep, query: Text = "") -> Response:
    view = views.get_changeable(session, caller, view_id)
    note(session, "views", view.name, before={"query": view.query, "shared": view.is_shared})
    views.remove(session, view)
    return _shown(request, caller, views.kept(query))
