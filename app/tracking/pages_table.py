"""The list of jobs as a table of runs: columns, filter, groups, stars and a file of it."""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from app.access.guard import CallerDep, allow
from app.jobs import facets, queries, waiting
from app.jobs.lifecycle import Status
from app.jobs.permissions import READ
from app.kit.filtering import InvalidFilter
from app.kit.ids import digest
from app.kit.paging import Page
from app.tracking import bands, columns, groups, pages_groups, seeds, table, views
from app.tracking.columns import Column
from app.tracking.tables import View
from app.web import forms
from app.web.addressing import url_for_workspace
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/jobs", include_in_schema=False)
MOST_DIFFERING = 40
SIZES = (25, 50, 100, 200)
_WORD = re.compile(r"""'[^']*'?|"[^"]*"?|`[^`]*`?|\S*""")


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
    children: bool = False
    filter: str = ""
    columns: Annotated[list[str], Query()] = ()
    group: str = ""
    differ: bool = False
    seeds: str = ""
    configuration: str = ""
    metric: str = ""
    base: str = ""
    goal: str = ""
    band: str = ""
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
            None if self.children or self.searches else False,
        )

    @property
    def searches(self) -> bool:
        """Whether it looks for certain jobs, which are found wherever they are, and not just through the list."""
        fields = (self.text.strip(), self.tag.strip(), self.filter.strip(), self.configuration, self.group)
        return any(fields) or self.archived or self.deleted

    @property
    def is_narrow(self) -> bool:
        fields = (
            self.text,
            self.experiment,
            self.created_by,
            self.type,
            self.tag,
            self.filter.strip(),
            self.configuration,
        )
        return any(fields) or any(self.status)

    def of(self, workspace_id: int) -> table.Wanted:
        return table.Wanted(
            workspace_id, self.narrowed, self.filter.strip(), self.sort, self.configuration, seeds.others(self.seeds)
        )


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
    saved = views.page(session, caller).rows
    shown = next((view for view in saved if str(view.id) == wanted.view), None)
    if _picks_experiment(request, shown):
        default = views.default_of(session, caller.workspace.id, wanted.experiment)
        if default is not None and default is not shown:
            address = url_for_workspace(caller.workspace.name, "/jobs")
            return forms.follow(request, f"{address}?{_of_experiment(default, wanted.experiment)}")
    context = {
        "wanted": wanted,
        "views": saved,
        "view": shown,
        "may_change": views.may_change,
        "may_share": views.may_share(caller),
        "statuses": list(Status),
        "sizes": SIZES,
        "experiments": facets.experiments(session, caller.workspace.id),
        "people": facets.people(session, caller.workspace.id),
        "group_names": [column.id for column in columns.known(session, caller.workspace.id, kinds=("params", "tags"))],
        "metric_names": _metrics(session, caller.workspace.id),
        "mistake": None,
        "groups": None,
        "group_links": lambda group: pages_groups.links(request, wanted, context["groups"].by, group),
        "bands": bands.BANDS,
        "curves_id": f"curves-{digest(request.url.query)[:16]}",
    }
    try:
        context |= _shown(session, caller.workspace.id, wanted)
    except InvalidFilter as error:
        context |= {"page": Page([], 0, 1, wanted.size), "logged": {}, "columns": columns.fixed()}
        context["mistake"] = _mistake(wanted.filter.strip(), error)
        return templates.TemplateResponse(request, "jobs/list.html", context, 400)
    return templates.TemplateResponse(request, "jobs/list.html", context)


def _picks_experiment(request: Request, shown: View | None) -> bool:
    """Whether an address, or a choice in the page's filter, says no more than an experiment.

    What a view that is shown already asks for does not count.
    """
    asked = set(request.query_params.multi_items())
    if "HX-Request" not in request.headers:
        return {name for name, _ in asked} == {"experiment"}
    before = dict(parse_qsl(urlsplit(request.headers.get("HX-Current-URL", "")).query)).get("experiment", "")
    kept = set(parse_qsl(shown.query)) if shown else set()
    more = {name for name, _ in asked - kept} - {"view", "size"}
    return more == {"experiment"} and request.query_params["experiment"] not in ("", before)


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
    logged = columns.values(session, job_ids, shown)
    if wanted.differ and len(rows) > 1:
        shown = [column for column in shown if len({str(table.cell(job, column, logged[job.id])) for job in rows}) > 1]
    return {"columns": shown, "logged": logged, "reasons": waiting.explain(session, rows)}


def _columns(session: Session, job_ids: list[int], wanted: Wanted) -> list[Column]:
    """Those that the address names; else those that every run has, and what tells these runs apart."""
    chosen = columns.parse_all(wanted.columns)
    if chosen:
        return chosen
    first, last = columns.fixed()[:-1], columns.fixed()[-1:]
    most = MOST_DIFFERING if wanted.differ else columns.MOST_VARYING
    return [*first, *columns.varying(session, job_ids, most), *last]


def _grouped(session: Session, found: table.Wanted, wanted: Wanted) -> dict:
    shown = pages_groups.shown(session, found, wanted)
    rows = [job for row in shown.rows for job in row.runs or ()]
    return {"page": shown.page, "groups": shown, **_cells(session, rows, wanted)}


def _mistake(text: str, error: InvalidFilter) -> Mistake:
    rest = text[error.at :]
    blank = len(rest) - len(rest.lstrip())
    at = error.at + blank
    word = _WORD.match(text, at)[0]
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


@router.get("/_bands", dependencies=[allow(READ)])
def curves(session: SessionDep, caller: CallerDep, wanted: WantedDep) -> dict:
    """Mean curves of the groups with their bands, as `metric-chart` takes them."""
    by = groups.parse(wanted.group, wanted.seeds)
    found = bands.series(session, wanted.of(caller.workspace.id), by, wanted.metric, wanted.band or "range")
    return {"series": found, "next": None, "final": True}


@router.get("/table.csv", dependencies=[allow(READ)])
def file(session: SessionDep, caller: CallerDep, wanted: WantedDep) -> StreamingResponse:
    """All that match, with the columns that the page shows."""
    shown = columns.parse_all(wanted.columns) or _columns_of_page(session, caller.workspace.id, wanted)
    lines = table.csv_lines(session, wanted.of(caller.workspace.id), shown)
    headers = {"Content-Disposition": 'attachment; filename="jobs.csv"'}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)
