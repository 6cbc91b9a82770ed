"""Pages of evaluation: datasets with their records, and scorers with their versions."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from app.access.guard import CallerDep, allow, note
from app.evaluation import queries, scorers, service
from app.evaluation.permissions import DELETE, READ
from app.evaluation.tables import EvaluationRecord
from app.kit.clock import from_milliseconds
from app.web.addressing import url_for_workspace
from app.web.paging import PageNumber
from app.web.session import SessionDep
from app.web.templating import templates

router = APIRouter(prefix="/evaluation", include_in_schema=False)
SIZE = 50
LONGEST_LINE = 60
MOST_RUNS = 20
_GUIDANCE = ("instructions_judge_pydantic_data", "builtin_scorer_pydantic_data")


@router.get("", dependencies=[allow(READ)])
def datasets(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    experiment: str = "",
    sort: str = "-updated",
    page: PageNumber = 1,
) -> Response:
    workspace_id = caller.workspace.id
    context = {
        "page": queries.page(
            session, workspace_id, text=text.strip(), experiment=experiment, sort=sort, number=page, size=SIZE
        ),
        "narrowed": bool(text or experiment),
        "experiments": queries.dataset_experiments(session, workspace_id),
        "at": from_milliseconds,
    }
    return templates.TemplateResponse(request, "evaluation/datasets.html", context)


@router.get("/datasets/{dataset_id}", dependencies=[allow(READ)])
def dataset(
    dataset_id: str, request: Request, session: SessionDep, caller: CallerDep, text: str = "", page: PageNumber = 1
) -> Response:
    """The records, in the order in which they came."""
    found = queries.get(session, caller.workspace.id, dataset_id)
    rows = queries.records_page(session, found, text=text.strip(), number=page, size=SIZE)
    context = {
        "dataset": found,
        "page": rows,
        "records": [_shown(record) for record in rows.rows],
        "narrowed": bool(text),
        "runs": queries.runs_of(session, found, MOST_RUNS),
        "at": from_milliseconds,
    }
    return templates.TemplateResponse(request, "evaluation/dataset.html", context)


def _shown(record: EvaluationRecord) -> dict[str, Any]:
    source = json.loads(record.source or "{}")
    trace = source.get("source_data", {}).get("trace_id")
    return {
        "name": record.name,
        **{part: fields(getattr(record, part)) for part in ("inputs", "expectations", "outputs")},
        "tags": sorted(json.loads(record.tags).items()),
        "source": source.get("source_type", "UNSPECIFIED").lower(),
        "trace": trace if isinstance(trace, str) else None,
        "created_ms": record.created_ms,
        "created_by": record.created_by,
    }


def fields(text: str | None) -> list[tuple[str, str]]:
    """JSON text as pairs of name and readable value; a value that is no object has the name ''."""
    value = json.loads(text) if text is not None else {}
    pairs = value.items() if isinstance(value, dict) else [("", value)]
    return [(name, _readable(held)) for name, held in pairs]


def _readable(value: Any) -> str:
    if isinstance(value, str):
        return value
    short = json.dumps(value, ensure_ascii=False)
    return short if len(short) <= LONGEST_LINE else json.dumps(value, ensure_ascii=False, indent=2)


@router.post("/datasets/{dataset_id}/delete", dependencies=[allow(DELETE)])
def delete_dataset(dataset_id: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    found = queries.get(session, caller.workspace.id, dataset_id)
    note(session, "evaluation-datasets", found.name, before={"id": found.id, "records": found.record_count})
    service.delete(session, found)
    return RedirectResponse(url_for_workspace(caller.workspace.name, "/evaluation"), 303)


@router.get("/scorers", dependencies=[allow(READ)])
def scorer_list(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    text: str = "",
    experiment: str = "",
    page: PageNumber = 1,
) -> Response:
    workspace_id = caller.workspace.id
    found = queries.scorers_page(
        session, workspace_id, text=text.strip(), experiment=experiment, number=page, size=SIZE
    )
    context = {
        "page": found,
        "rows": [(version, describe(version.content)) for version in found.rows],
        "narrowed": bool(text or experiment),
        "experiments": queries.scorer_experiments(session, workspace_id),
        "at": from_milliseconds,
    }
    return templates.TemplateResponse(request, "evaluation/scorers.html", context)


def describe(content: str) -> dict[str, str | None]:
    """What a serialised scorer says of itself: its kind, the model that it asks, and what it tells the model."""
    held = json.loads(content)
    part = next((held[name] for name in _GUIDANCE if isinstance(held.get(name), dict)), {})
    told = part.get("guidelines") or part.get("instructions")
    return {
        "kind": held.get("builtin_scorer_class") or ("Judge" if "instructions" in part else "Scorer"),
        "model": part.get("model"),
        "told": "\n".join(map(str, told)) if isinstance(told, list) else told or held.get("description"),
    }


@router.get("/scorers/{scorer_id}", dependencies=[allow(READ)])
def scorer(
    scorer_id: str, request: Request, session: SessionDep, caller: CallerDep, version: int | None = None
) -> Response:
    """One version, by default the newest, beside the list of all."""
    found = queries.get_scorer_by_id(session, caller.workspace.id, scorer_id)
    versions = queries.versions(session, found.experiment, found.name)
    wanted = versions[-1].version if version is None else version
    shown = queries.versions(session, found.experiment, found.name, wanted)[0]
    context = {
        "scorer": found,
        "versions": versions[::-1],
        "shown": shown,
        "described": describe(shown.content),
        "content": json.dumps(json.loads(shown.content), ensure_ascii=False, indent=2),
        "at": from_milliseconds,
    }
    return templates.TemplateResponse(request, "evaluation/scorer.html", context)


@router.post("/scorers/{scorer_id}/delete", dependencies=[allow(DELETE)])
def delete_scorer(scorer_id: str, session: SessionDep, caller: CallerDep) -> RedirectResponse:
    found = queries.get_scorer_by_id(session, caller.workspace.id, scorer_id)
    note(session, "scorers", found.name, before={"version": "all"})
    scorers.delete(session, found.experiment, found.name)
    return RedirectResponse(url_for_workspace(caller.workspace.name, "/evaluation/scorers"), 303)
