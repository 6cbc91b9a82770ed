"""Saved views of the run table: the query of an address under a name, for oneself or for the workspace."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from app.access.caller import Caller
from app.errors import AlreadyExists, Forbidden, Invalid, NotFound
from app.experiments.tables import Experiment
from app.kit.paging import Page, paginate
from app.tracking.permissions import VIEWS_WRITE
from app.tracking.tables import DefaultView, View

FIELDS = (
    *("text", "status", "experiment", "created_by", "type", "tag", "archived", "deleted", "filter", "configuration"),
    *("columns", "differ", "group", "seeds", "metric", "base", "goal", "band", "sort", "size"),
)
"""What a view keeps of an address: which runs and how they are shown, and not which page of them."""

_PASSING = {"view", "page", "open"}
LONGEST_NAME = 100
LONGEST_QUERY = 8000


def page(session: Session, caller: Caller, number: int = 1, size: int = 200) -> Page:
    """The caller's own views and those that are shared, by name."""
    found = select(View).where(View.workspace_id == caller.workspace.id, _visible(caller))
    return paginate(session, found.order_by(func.lower(View.name), View.id), number, size)


def _visible(caller: Caller) -> ColumnElement[bool]:
    return or_(View.is_shared, View.created_by == caller.user.name)


def get(session: Session, caller: Caller, view_id: int) -> View:
    """Raises NotFound for a private view of somebody else as well."""
    found = select(View).where(View.workspace_id == caller.workspace.id, View.id == view_id, _visible(caller))
    view = session.scalar(found)
    if view is None:
        raise NotFound(f"There is no view {view_id} in this workspace, or it is not shared.", target="view")
    return view


def may_share(caller: Caller) -> bool:
    return caller.can(VIEWS_WRITE.name)


def may_change(caller: Caller, view: View) -> bool:
    """Its maker may, and who gives people their roles: a shared view must not be stuck when its maker leaves."""
    if view.is_shared and not may_share(caller):
        return False
    return view.created_by == caller.user.name or (view.is_shared and caller.can("access/write"))


def get_changeable(session: Session, caller: Caller, view_id: int) -> View:
    view = get(session, caller, view_id)
    if not may_change(caller, view):
        raise Forbidden(
            f"The view {view.name!r} is {view.created_by}'s. Save what you see as a view of your own.", target="view"
        )
    return view


def create(
    session: Session,
    caller: Caller,
    name: str,
    query: str,
    *,
    is_shared: bool = False,
    default_for: Sequence[str] = (),
) -> View:
    _check_sharing(caller, is_shared)
    view = View(workspace_id=caller.workspace.id, created_by=caller.user.name, query=kept(query), is_shared=is_shared)
    view.name = _checked_name(session, view, name)
    session.add(view)
    session.flush()
    _set_defaults(session, view, default_for)
    return view


def change(
    session: Session,
    caller: Caller,
    view: View,
    *,
    name: str | None = None,
    query: str | None = None,
    is_shared: bool | None = None,
    default_for: Sequence[str] | None = None,
) -> None:
    """What is None stays. `default_for` are names of experiments, and all of them."""
    _check_sharing(caller, is_shared)
    if name is not None:
        view.name = _checked_name(session, view, name)
    if query is not None:
        view.query = kept(query)
    if is_shared is not None:
        view.is_shared = is_shared
    if default_for is None:
        default_for = [default.experiment.name for default in view.defaults]
    _set_defaults(session, view, default_for)


def _check_sharing(caller: Caller, is_shared: bool | None) -> None:
    if is_shared and not may_share(caller):
        raise Forbidden(
            f"shared: {caller.user.name} may keep private views and share none ({VIEWS_WRITE.name}).", target="shared"
        )


def remove(session: Session, view: View) -> None:
    session.delete(view)
    session.flush()


def default_of(session: Session, workspace_id: int, experiment: str) -> View | None:
    """The view in which the table of an experiment opens."""
    found = select(View).join(DefaultView).join(Experiment, Experiment.id == DefaultView.experiment_id)
    return session.scalar(found.where(Experiment.workspace_id == workspace_id, Experiment.name == experiment))


def kept(query: str) -> str:
    """The part of an address's query that a view keeps; raises Invalid for what the run table does not take."""
    if len(query) > LONGEST_QUERY:
        raise Invalid(f"query: a view's address has at most {LONGEST_QUERY} characters.", target="query")
    pairs = [pair for pair in parse_qsl(query.partition("?")[2] or query) if pair[0] not in _PASSING]
    if unknown := sorted({name for name, _ in pairs} - set(FIELDS)):
        raise Invalid(
            f"query: the run table takes no {', '.join(map(repr, unknown))}. It takes {', '.join(FIELDS)}.",
            target="query",
        )
    return urlencode(pairs)


def _checked_name(session: Session, view: View, name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(f"name: a view's name has 1 to {LONGEST_NAME} characters.", target="name")
    same = select(View.id).where(
        View.workspace_id == view.workspace_id, View.created_by == view.created_by, View.name == name
    )
    with session.no_autoflush:
        taken = session.scalar(same)
    if taken not in (None, view.id):
        raise AlreadyExists(f"name: {view.created_by} has a view {name!r} already.", target="name")
    return name


def _set_defaults(session: Session, view: View, experiments: Sequence[str]) -> None:
    names = list(dict.fromkeys(experiments))
    if names and not view.is_shared:
        raise Invalid("default_for: only a shared view is what everybody starts with. Share it first.", target="shared")
    found = select(Experiment).where(Experiment.workspace_id == view.workspace_id, Experiment.name.in_(names))
    ids = {experiment.name: experiment.id for experiment in session.scalars(found)}
    if missing := [name for name in names if name not in ids]:
        raise NotFound(
            f"default_for: there is no experiment {', '.join(map(repr, missing))} in this workspace.",
            target="default_for",
        )
    session.flush()
    old = or_(DefaultView.view_id == view.id, DefaultView.experiment_id.in_(ids.values()))
    session.execute(delete(DefaultView).where(old).execution_options(synchronize_session=False))
    session.expire_all()
    session.add_all([DefaultView(experiment_id=id, view_id=view.id) for id in ids.values()])
    session.flush()
    session.expire(view)
