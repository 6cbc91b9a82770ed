"""Pages of issues: what is wrong with an application, and the traces that show it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from app.access.caller import Caller
from app.access.guard import CallerDep, allow, note
from app.errors import AtelierError, Invalid
from app.experiments import queries as experiments
from app.jobs import queries as jobs
from app.kit.clock import from_milliseconds
from app.reviews import issues
from app.reviews.issues import SEVERITIES, STATUSES, Draft
from app.reviews.pages_changes import split, traces_together
from app.reviews.permissions import READ, WRITE
from app.reviews.tables import Issue
from app.traces import queries as traces
from app.traces.pages import SHOWN
from app.web.addressing import url_for_workspace
from app.web.forms import refuse
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/issues", include_in_schema=False)
FORM = "issues/edit.html"
_WORDS = {
    "states": {
        "pending": ("info", "waiting", "Open"),
        "resolved": ("success", "success", "Resolved"),
        "rejected": ("neutral", "stopped", "Rejected"),
    },
    "severities": {
        "high": ("danger", "error", "High"),
        "medium": ("warning", "warning", "Medium"),
        "low": ("info", "info", "Low"),
        "not_an_issue": ("neutral", "idle", "Not an issue"),
    },
    "at": from_milliseconds,
}


class Wanted(BaseModel):
    """The form as it was filled. `names` are the traces that a new issue is reported of."""

    name: str = ""
    description: str = ""
    severity: str = ""
    status: str = "pending"
    experiment: str = ""
    names: list[str] = []

    def checked(self) -> dict[str, str | None]:
        """What is kept of it; raises Invalid that names the field."""
        if not self.name.strip():
            raise Invalid("name: Say in a few words what is wrong.", target="name")
        for field, choices in (("status", STATUSES), ("severity", ("", *SEVERITIES))):
            if (value := getattr(self, field)) not in choices:
                raise Invalid(f"{field}: {value!r} is not one of {', '.join(choices)}.", target=field)
        words = {"name": self.name.strip(), "description": self.description.strip()}
        return words | {"status": self.status, "severity": self.severity or None}


@router.get("", dependencies=[allow(READ)])
def listed(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    experiment: str = "",
    status: str = "",
    severity: str = "",
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    found = issues.page(
        session, caller.workspace.id, text=text.strip(), experiment=experiment, status=status, severity=severity,
        number=number,
    )  # fmt: skip
    context = {
        **_WORDS,
        "page": found,
        "counts": issues.traces_of(session, [issue.id for issue, _ in found.rows]),
        "narrowed": bool(text or experiment or status or severity),
        "experiment": experiment,
    }
    return templates.TemplateResponse(request, "issues/list.html", context)


@router.get("/new", dependencies=[allow(WRITE)])
def new(request: Request, session: SessionDep, caller: CallerDep, names: str = "") -> Response:
    """`names` are those of traces that have it, separated by commas."""
    filled = Wanted(names=split(names))
    return templates.TemplateResponse(request, FORM, _form(session, caller, filled))


def _form(session: Session, caller: Caller, filled: Wanted, issue: Issue | None = None) -> dict:
    context = {**_WORDS, "filled": filled, "issue": issue}
    if issue is not None:
        return context
    if filled.names:
        filled.experiment = traces_together(session, caller, filled.names)[1].name
    return context | {"experiments": traces.experiments(session, caller.workspace.id)}


@router.post("/new", dependencies=[allow(WRITE)])
def create(wanted: Annotated[Wanted, Form()], request: Request, session: SessionDep, caller: CallerDep) -> Response:
    try:
        kept = wanted.checked()
        marked = traces_together(session, caller, wanted.names)[0] if wanted.names else []
        experiment = experiments.get_by_name(session, caller.workspace.id, wanted.experiment)
        made = issues.create(session, experiment, Draft(**kept, created_by=caller.user.name))
    except AtelierError as error:
        return refuse(request, session, FORM, error, _form(session, caller, wanted))
    for trace in marked:
        traces.check_writable(session, caller, trace)
    issues.mark(session, made, marked, caller.user.name)
    note(session, "issues", made.id, after={"name": made.name, "traces": len(marked)})
    return _to(caller, made)


def _to(caller: Caller, issue: Issue) -> RedirectResponse:
    return RedirectResponse(url_for_workspace(caller.workspace.name, f"/issues/{issue.id}"), 303)


@router.get("/{issue_id}", dependencies=[allow(READ)])
def issue(
    issue_id: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    found = issues.get(session, caller.workspace.id, issue_id)
    source = jobs.find(session, caller.workspace.id, found.source_run) if found.source_run else None
    context = {
        **_WORDS,
        **SHOWN,
        "issue_states": _WORDS["states"],
        "issue": found,
        "experiment": experiments.get(session, caller.workspace.id, str(found.experiment_id)),
        "source": source,
        "page": traces.page(session, caller.workspace.id, traces.Filter(issue=found.id), number=number),
    }
    return templates.TemplateResponse(request, "issues/issue.html", context)


@router.get("/{issue_id}/edit", dependencies=[allow(WRITE)])
def edit(issue_id: str, request: Request, session: SessionDep, caller: CallerDep) -> Response:
    found = issues.get(session, caller.workspace.id, issue_id)
    filled = Wanted(name=found.name, description=found.description, severity=found.severity or "", status=found.status)
    return templates.TemplateResponse(request, FORM, _form(session, caller, filled, found))


@router.post("/{issue_id}/edit", dependencies=[allow(WRITE)])
def change(
    issue_id: str, wanted: Annotated[Wanted, Form()], request: Request, session: SessionDep, caller: CallerDep
) -> Response:
    found = issues.get(session, caller.workspace.id, issue_id)
    before = _said(found)
    try:
        issues.update(session, found, wanted.checked())
    except Invalid as error:
        return refuse(request, session, FORM, error, _form(session, caller, wanted, found))
    note(session, "issues", found.id, before=before, after=_said(found))
    return _to(caller, found)


def _said(issue: Issue) -> dict:
    return {"name": issue.name, "status": issue.status, "severity": issue.severity}


@router.post("/{issue_id}/status", dependencies=[allow(WRITE)])
def set_status(issue_id: str, session: SessionDep, caller: CallerDep, status: Annotated[str, Form()]) -> Response:
    found = issues.get(session, caller.workspace.id, issue_id)
    if status not in STATUSES:
        raise Invalid(f"status: {status!r} is not one of {', '.join(STATUSES)}.", target="status")
    before = _said(found)
    issues.update(session, found, {"status": status})
    note(session, "issues", found.id, before=before, after=_said(found))
    return _to(caller, found)
