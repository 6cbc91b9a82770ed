"""MLflow's calls about what is wrong with an application."""

from typing import Any

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.experiments import queries as experiments
from app.reviews import issues
from app.reviews.issues import SEVERITIES, STATUSES, Draft
from app.reviews.permissions import READ, WRITE
from app.reviews.tables import Issue
from app.web.session import ReadSessionDep, SessionDep

router = APIRouter(prefix="/issues")
DEFAULT_FOUND, MOST_FOUND = 100, 50_000


def shown(issue: Issue) -> dict[str, Any]:
    optional = {
        "severity": issue.severity,
        "root_causes": issue.root_causes,
        "categories": issue.categories,
        "source_run_id": issue.source_run,
        "created_by": issue.created_by,
    }
    return {
        "issue_id": issue.id,
        "experiment_id": str(issue.experiment_id),
        "name": issue.name,
        "description": issue.description,
        "status": issue.status,
        "created_timestamp": issue.created_ms,
        "last_updated_timestamp": issue.updated_ms,
        **{name: value for name, value in optional.items() if value},
    }


@router.post("", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    draft = Draft(
        name=arguments.text("name"),
        description=arguments.text("description"),
        status=arguments.choice("status", list(STATUSES), "pending"),
        severity=arguments.choice("severity", list(SEVERITIES)) or None,
        root_causes=arguments.texts("root_causes"),
        categories=arguments.texts("categories"),
        source_run=arguments.optional_text("source_run_id") or None,
        created_by=arguments.optional_text("created_by") or None,
    )
    experiment = experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))
    issue = issues.create(session, experiment, draft)
    note(session, "issues", issue.id, after={"name": issue.name})
    return answer({"issue": shown(issue)})


@router.post("/search", dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_FOUND, MOST_FOUND)
    named, by_traces = arguments.optional_text("experiment_id"), arguments.flag("include_trace_count")
    found = issues.search(
        session, caller.workspace.id, experiments.get(session, caller.workspace.id, named) if named else None,
        filter=arguments.optional_text("filter_string"), by_traces=by_traces, offset=offset, count=count + 1,
    )  # fmt: skip
    listed = [shown(issue) | ({"trace_count": traces} if by_traces else {}) for issue, traces in found]
    return paged("issues", listed, offset, count)


@router.get("/{issue_id}", dependencies=[allow(READ)])
def get(issue_id: str, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"issue": shown(issues.get(session, caller.workspace.id, issue_id))})


@router.patch("/{issue_id}", dependencies=[allow(WRITE)])
def update(issue_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """What is empty stays as it is."""
    issue = issues.get(session, caller.workspace.id, issue_id)
    before = {"status": issue.status, "severity": issue.severity}
    issues.update(session, issue, _changes(arguments))
    note(session, "issues", issue.id, before=before, after={"status": issue.status, "severity": issue.severity})
    return answer({"issue": shown(issue)})


def _changes(arguments: Arguments) -> dict[str, str]:
    given = {name: arguments.optional_text(name) for name in ("name", "description")}
    given["status"] = arguments.choice("status", list(STATUSES))
    given["severity"] = arguments.choice("severity", list(SEVERITIES))
    return {name: value for name, value in given.items() if value}
