"""Issues: what is wrong with an application, found in its traces by people or programs."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, or_, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.experiments.service import check_active
from app.experiments.tables import Experiment
from app.kit.clock import milliseconds, now
from app.kit.filtering import check_text, condition, parse_filter
from app.kit.paging import Page
from app.reviews.tables import Issue
from app.traces import assessments
from app.traces.spans import clean
from app.traces.tables import Assessment, Trace

STATUSES = ("pending", "rejected", "resolved")
SEVERITIES = ("not_an_issue", "low", "medium", "high")
"""From the least on."""

_FILTERED = {"status": Issue.status, "source_run_id": Issue.source_run}
_SEVERITY = case({name: place for place, name in enumerate(SEVERITIES)}, value=Issue.severity, else_=-1)
# An assessment that says that a trace has an issue has the issue's id as its name.
_TRACES = (
    select(func.count(Assessment.trace_id.distinct()))
    .where(Assessment.kind == "issue", Assessment.name == Issue.id)
    .scalar_subquery()
)


@dataclass(frozen=True)
class Draft:
    name: str
    description: str
    status: str = "pending"
    severity: str | None = None
    root_causes: Sequence[str] = field(default_factory=list)
    categories: Sequence[str] = field(default_factory=list)
    source_run: str | None = None
    created_by: str | None = None


def get(session: Session, workspace_id: int, issue_id: str) -> Issue:
    found = select(Issue).join(Experiment).where(Experiment.workspace_id == workspace_id, Issue.id == issue_id)
    issue = session.scalar(found)
    if issue is None:
        raise NotFound(f"Issue with ID {issue_id!r} not found.", target="issue_id")
    return issue


def create(session: Session, experiment: Experiment, draft: Draft) -> Issue:
    check_active(experiment)
    at = milliseconds(now())
    issue = Issue(
        id=f"iss-{secrets.token_hex(16)}",
        experiment_id=experiment.id,
        name=clean(draft.name),
        description=clean(draft.description),
        status=draft.status,
        severity=draft.severity,
        root_causes=[clean(cause) for cause in draft.root_causes],
        categories=[clean(category) for category in draft.categories],
        source_run=draft.source_run,
        created_by=draft.created_by,
        created_ms=at,
        updated_ms=at,
    )
    session.add(issue)
    session.flush()
    return issue


def update(session: Session, issue: Issue, changes: dict[str, Any]) -> None:
    """`changes` holds any of name, description, status and severity."""
    for name, value in changes.items():
        setattr(issue, name, clean(value) if value else value)
    issue.updated_ms = milliseconds(now())
    session.flush()


def search(
    session: Session,
    workspace_id: int,
    experiment: Experiment | None = None,
    *,
    filter: str = "",
    by_traces: bool = False,
    offset: int = 0,
    count: int = 100,
) -> list[tuple[Issue, int]]:
    """With how many traces have each (0 unless `by_traces` asks for it), the most severe first."""
    traces = _TRACES if by_traces else literal(0)
    found = select(Issue, traces).join(Experiment).where(Experiment.workspace_id == workspace_id, *_conditions(filter))
    if experiment is not None:
        found = found.where(Issue.experiment_id == experiment.id)
    orders = [_SEVERITY.desc(), *([traces.desc()] if by_traces else []), Issue.created_ms.desc(), Issue.id.desc()]
    return [tuple(row) for row in session.execute(found.order_by(*orders).offset(offset).limit(count))]


def page(
    session: Session, workspace_id: int, *, text: str = "", experiment: str = "", status: str = "",
    severity: str = "", number: int = 1, size: int = 50,
) -> Page:  # fmt: skip
    """Issues with their experiments' names, the most severe first and then the newest; raises Invalid."""
    found = select(Issue, Experiment.name).join(Experiment).where(Experiment.workspace_id == workspace_id)
    for column, value, choices in ((Issue.status, status, STATUSES), (Issue.severity, severity, SEVERITIES)):
        if value and value not in choices:
            raise Invalid(f"{column.key}: {value!r} is not one of {', '.join(choices)}.", target=column.key)
        if value:
            found = found.where(column == value)
    if experiment:
        found = found.where(Experiment.name == experiment)
    if text:
        found = found.where(
            or_(Issue.name.icontains(text, autoescape=True), Issue.description.icontains(text, autoescape=True))
        )
    total = session.scalar(found.with_only_columns(func.count(Issue.id)))
    rows = found.order_by(_SEVERITY.desc(), Issue.created_ms.desc(), Issue.id.desc())
    return Page(session.execute(rows.offset((number - 1) * size).limit(size)).all(), total, number, size)


def traces_of(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """How many traces are said to have each of these issues, where any is."""
    found = select(Assessment.name, func.count(Assessment.trace_id.distinct()))
    found = found.where(Assessment.kind == "issue", Assessment.name.in_(ids)).group_by(Assessment.name)
    return dict(session.execute(found).all())


def mark(session: Session, issue: Issue, traces: Sequence[Trace], by: str) -> None:
    """Say of traces that they have an issue."""
    for trace in traces:
        said = assessments.Draft("issue", issue.id, issue.name, source_type="HUMAN", source_id=by)
        assessments.create(session, trace, said)


def _conditions(filter: str) -> list[ColumnElement[bool]]:
    wanted = []
    for comparison in parse_filter(filter):
        if comparison.entity or comparison.key not in _FILTERED:
            raise Invalid(
                f"Invalid filter field {comparison.key!r}. Supported fields: {', '.join(_FILTERED)}.",
                target="filter_string",
            )
        check_text(comparison, ("=", "!="))
        wanted.append(condition(_FILTERED[comparison.key], comparison))
    return wanted
