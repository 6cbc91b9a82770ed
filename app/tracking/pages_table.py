"""The list of jobs as a table of runs: columns, filter, groups, stars and a file of it."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, StreamingResponse

from app.access.guard import CallerDep, allow
from app.jobs import facets, queries
from app.jobs.lifecycle import Status
from app.jobs.permissions import READ
from app.kit.filtering import InvalidFilter
from app.kit.paging import Page
from app.tracking import columns, comparison, table, views
from app.tracking.columns import Column
from app.tracking.tables import View
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs", include_in_schema=False)
SIZES = (25, 50, 100, 200)
SHOWN_IN_GROUP = 20


@dataclass
class Wanted:
    """The query of the list, as its form and its links send it."""

    text: str = ""
    status: Annotated[list[str], Query()] = ()
    experiment: str = ""
    created_by: str = ""
    type: str = ""
    tag: str = ""
    archived: bool = False
    deleted: bool = False
    filter: str = ""
    columns: Annotated[list[str], Query()] = ()
    group: str = ""
    metric: str = ""
    open: Annotated[list[str], Query()] = ()
    view: str = ""
    sort: str = "-created"
    page: Annotated[int, Query(ge=1)] = 1
    size: Annotated[int, Query(ge=1, le=500)] = 50

    @property
    def narrowed(self) -> queries.Filter:
        statuses = tuple(status for status in self.status if status)
        return queries.Filter(
            self.text.strip(),
            statuses,
            self.experiment,
            self.created_by,
            self.type,
            self.tag.strip(),
            self.archived,
            self.deleted,
        )

    @property
    def is_narrow(self) -> bool:
        fields = (self.text, self.experiment, self.created_by, self.type, self.tag, self.filter.strip())
        return any(fields) or any(self.status)

    def of(self, workspace_id: int) -> table.Wanted:
        return table.Wanted(workspace_id, self.narrowed, self.filter.strip(), self.sort)


WantedDep = Annotated[Wanted, Depends()]


@dataclass(frozen=True)
class Mistake:
    """Where a filter goes wrong: the text before that place, the word there, and the rest."""

    before: str
    word: str
    after: str
    place: int
    hint: str


@router.get("", dependencies=[allow(READ)])
def jobs(request: Request, session: SessionDep, caller: CallerDep, wanted: WantedDep) -> Response:
    """The list; that of one experiment, asked for nothing else, opens with the experiment's own view."""
    if set(request.query_params) == {"experiment"} and "HX-Request" not in request.headers:
        view = views.default_of(session, caller.workspace.id, wanted.experiment)
        if view is not None:
            address = url_for_workspace(caller.workspace.name, "/jobs")
            return RedirectResponse(f"{address}?{_of_experiment(view, wanted.experiment)}", 302)
    saved = views.page(session, caller).rows
    context = {
        "wanted": wanted,
        "views": saved,
        "view": next((view for view in saved if str(view.id) == wanted.view), None),
        "may_change": views.may_change,
        "statuses": list(Status),
        "sizes": SIZES,
        "experiments": facets.experiments(session, caller.workspace.id),
        "people": facets.people(session, caller.workspace.id),
        "group_names": [column.id for column in columns.known(session, caller.workspace.id, kinds=("params", "tags"))],
        "metric_names": _metrics(session, caller.workspace.id),
        "mistake": None,
        "groups": None,
    }
    try:
        context |= _shown(session, caller.workspace.id, wanted)
        if wanted.group:
            context["groups"] = _with_links(request, wanted, context)
    except InvalidFilter as error:
        context |= {"page": Page([], 0, 1, wanted.size), "logged": {}, "columns": columns.fixed()}
        context["mistake"] = _mistake(wanted.filter.strip(), error)
        return templates.TemplateResponse(request, "jobs/list.html", context, 400)
    return templates.TemplateResponse(request, "jobs/list.html", context)


def _of_experiment(view: View, experiment: str) -> str:
    kept = [pair for pair in parse_qsl(view.query) if pair[0] != "experiment"]
    return urlencode([("experiment", experiment), *kept, ("view", view.id)])


def _metrics(session: Session, workspace_id: int) -> list[str]:
    return [column.key for column in columns.known(session, workspace_id, kinds=("metrics",))]


def _shown(session: Session, workspace_id: int, wanted: Wanted) -> dict:
    found = wanted.of(workspace_id)
    if wanted.group:
        return _grouped(session, found, wanted)
    page = table.page(session, found, wanted.page, wanted.size)
    return {"page": page, **_cells(session, page.rows, wanted)}


def _cells(session: Session, rows: list, wanted: Wanted) -> dict:
    job_ids = [job.id for job in rows]
    shown = _columns(session, job_ids, wanted)
    return {"columns": shown, "logged": columns.values(session, job_ids, shown)}


def _columns(session: Session, job_ids: list[int], wanted: Wanted) -> list[Column]:
    """Those that the address names; else those that every run has, and what tells these runs apart."""
    chosen = columns.parse_all(wanted.columns)
    if chosen:
        return chosen
    first, last = columns.fixed()[:-1], columns.fixed()[-1:]
    return [*first, *columns.varying(session, job_ids), *last]


def _grouped(session: Session, found: table.Wanted, wanted: Wanted) -> dict:
    by = table.parse_group(wanted.group)
    page = table.groups(session, found, by, wanted.metric, wanted.page, wanted.size)
    opened = {
        group.id: table.rows(session, found, by, group, SHOWN_IN_GROUP)
        for group in page.rows
        if group.id in wanted.open
    }
    answers = comparison.against_first(
        [comparison.Sample(group.measured, group.mean, group.deviation) for group in page.rows]
    )
    rows = [job for jobs in opened.values() for job in jobs]
    return {
        "page": page,
        "by": by,
        "opened": opened,
        "answers": answers,
        **_cells(session, rows, wanted),
    }


def _with_links(request: Request, wanted: Wanted, shown: dict) -> list[tuple]:
    """Each group with its runs if it is open, the answer to its comparison, and the queries of its links."""
    found = []
    for group, answer in zip(shown["page"].rows, shown["answers"], strict=True):
        others = [("open", opened) for opened in wanted.open if opened != group.id]
        turned = others if group.id in wanted.open else [*others, ("open", group.id)]
        narrowed = table.narrowing(shown["by"], group.value)
        if wanted.filter.strip() and "filter" in narrowed:
            narrowed["filter"] = f"{wanted.filter.strip()} AND {narrowed['filter']}"
        links = {
            "turned": _query(request, {"open"}, turned),
            "all": _query(request, {"open", "group", "metric", "page", *narrowed}, list(narrowed.items())),
        }
        found.append((group, shown["opened"].get(group.id), answer, links))
    return found


def _query(request: Request, without: set[str], pairs: list[tuple[str, str]]) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in without]
    return urlencode([*kept, *pairs])


def _mistake(text: str, error: InvalidFilter) -> Mistake:
    rest = text[error.at :]
    blank = len(rest) - len(rest.lstrip())
    at = error.at + blank
    word = text[at:].split(maxsplit=1)[0] if text[at:] else ""
    return Mistake(text[:at], word, text[at + len(word) :], at + 1, error.hint)


@router.get("/_columns", dependencies=[allow(READ)])
def columns_fragment(
    request: Request, session: SessionDep, caller: CallerDep, wanted: WantedDep, find: str = ""
) -> Response:
    """The columns to choose from: those shown, ticked, and others that runs have with `find` in their name."""
    chosen = columns.parse_all(wanted.columns)
    if not chosen:
        chosen = _columns_of_page(session, caller.workspace.id, wanted)
    others = [*columns.fixed(), *columns.known(session, caller.workspace.id, find.strip())]
    context = {"chosen": chosen, "others": [column for column in others if column not in chosen], "find": find}
    return templates.TemplateResponse(request, "jobs/_columns.html", context)


def _columns_of_page(session: Session, workspace_id: int, wanted: Wanted) -> list[Column]:
    try:
        return _shown(session, workspace_id, wanted)["columns"]
    except InvalidFilter:
        return columns.fixed()


@router.get("/table.csv", dependencies=[allow(READ)])
def file(session: SessionDep, caller: CallerDep, wanted: WantedDep) -> StreamingResponse:
    """All that match, with the columns that the page shows."""
    shown = columns.parse_all(wanted.columns) or _columns_of_page(session, caller.workspace.id, wanted)
    lines = table.csv_lines(session, wanted.of(caller.workspace.id), shown)
    headers = {"Content-Disposition": 'attachment; filename="jobs.csv"'}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)
