"""Which runs an action is for: some by name, all that a list shows, or all of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.jobs.tables import Job
from app.runs.descent import pieces
from app.tracking import table

MOST_NAMED = 500
_LISTS = {"status", "columns", "open"}


@dataclass(frozen=True)
class Selection:
    """`query` is the query of the run table's address, for all that it matches on all of its pages."""

    names: tuple[str, ...] = ()
    query: str | None = None
    experiment_id: int | None = None


def matching(workspace_id: int, selection: Selection) -> Select:
    """The row ids of the selected runs."""
    found = select(Job.id).where(Job.workspace_id == workspace_id)
    if selection.names:
        return found.where(Job.name.in_(selection.names))
    if selection.experiment_id is not None:
        return found.where(Job.experiment_id == selection.experiment_id)
    return table.matching(_read(selection.query or "", workspace_id))


def _read(query: str, workspace_id: int) -> table.Wanted:
    # Imported here: a worker needs nothing of pages until an action is for all that a list shows.
    from app.tracking.pages_table import Wanted

    given = parse_qs(query, keep_blank_values=True)
    known = {name: values for name, values in given.items() if name in Wanted.__dataclass_fields__}
    try:
        found = TypeAdapter(Wanted).validate_python(
            {name: values if name in _LISTS else values[-1] for name, values in known.items()}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"query: {first['loc'][0]}: {first['msg']}.", target="query") from error
    return found.of(workspace_id)


def named(session: Session, workspace_id: int, names: Sequence[str]) -> list[int]:
    """The row ids of runs by name; raises NotFound for the first that does not exist."""
    if len(names) > MOST_NAMED:
        raise Invalid(f"names: at most {MOST_NAMED} runs at once, not {len(names)}; give a query.", target="names")
    wanted = list(dict.fromkeys(names))
    found = select(Job.name, Job.id).where(Job.workspace_id == workspace_id)
    known = dict(row for piece in pieces(wanted) for row in session.execute(found.where(Job.name.in_(piece))).all())
    missing = [name for name in wanted if name not in known]
    if missing:
        raise NotFound(f"names: there is no job {missing[0]!r} in this workspace.", target="names")
    return [known[name] for name in wanted]


def count(session: Session, workspace_id: int, selection: Selection) -> int:
    return session.scalar(matching(workspace_id, selection).with_only_columns(func.count()))


def without_selected_parents(
    session: Session, workspace_id: int, selection: Selection, job_ids: Sequence[int]
) -> list[int]:
    """Those of some selected runs that lie below no selected run, for they go along with that one."""
    above = {id: id for id in job_ids}
    below: set[int] = set()
    while above:
        parents = _parents(session, set(above.values()))
        above = {id: parents[at] for id, at in above.items() if parents.get(at)}
        selected: set[int] = set()
        for piece in pieces(list(set(above.values()))):
            selected |= set(session.scalars(matching(workspace_id, selection).where(Job.id.in_(piece))))
        below |= {id for id, at in above.items() if at in selected}
        above = {id: at for id, at in above.items() if id not in below}
    return [id for id in job_ids if id not in below]


def _parents(session: Session, job_ids: set[int]) -> dict[int, int | None]:
    found = select(Job.id, Job.parent_id)
    return dict(row for piece in pieces(list(job_ids)) for row in session.execute(found.where(Job.id.in_(piece))).all())
