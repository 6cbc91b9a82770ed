"""MLflow's calls about evaluation datasets and their records."""

import json
from typing import Any

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.errors import Invalid
from app.evaluation import queries, records, service
from app.evaluation.permissions import DELETE, READ, WRITE
from app.evaluation.search import search
from app.evaluation.tables import EvaluationDataset, EvaluationRecord
from app.experiments import queries as experiments
from app.experiments.tables import Experiment
from app.kit import paging
from app.web.session import ReadSessionDep, SessionDep

router = APIRouter(prefix="/datasets")
MOST_LISTED = 50_000
DEFAULT_LISTED = 1000


def _shown(dataset: EvaluationDataset) -> dict:
    """As MLflow's message `Dataset`, whose tags, schema and profile are JSON text."""
    shown = {
        "dataset_id": dataset.id,
        "name": dataset.name,
        "tags": json.dumps({tag.key: tag.value for tag in dataset.tags}),
        "digest": dataset.digest,
        "created_time": dataset.created_ms,
        "last_update_time": dataset.updated_ms,
        "created_by": dataset.created_by,
        "last_updated_by": dataset.updated_by,
        "experiment_ids": [str(experiment.id) for experiment in dataset.experiments],
    }
    if dataset.schema:
        shown["schema"] = dataset.schema
    if dataset.record_count:
        shown["profile"] = json.dumps({"num_records": dataset.record_count})
    return shown


def _shown_record(record: EvaluationRecord) -> dict:
    texts = {name: getattr(record, name) for name in ("inputs", "outputs", "expectations", "tags", "source")}
    shown = {name: json.loads(text) for name, text in texts.items() if text is not None}
    shown |= {
        "dataset_record_id": record.name,
        "dataset_id": record.dataset_id,
        "created_time": record.created_ms,
        "last_update_time": record.updated_ms,
        "created_by": record.created_by,
        "last_updated_by": record.updated_by,
    }
    if source := shown.get("source"):
        kind, held = source["source_type"], source["source_data"]
        shown["source_type"] = kind
        if source_id := held.get("trace_id" if kind == "TRACE" else "source_id"):
            shown["source_id"] = source_id
    return shown


def _experiments(session, caller, arguments: Arguments) -> list[Experiment]:
    return [experiments.get(session, caller.workspace.id, one) for one in arguments.texts("experiment_ids")]


def _tags(arguments: Arguments) -> dict[str, Any]:
    """Tags come as the JSON text of an object."""
    try:
        tags = json.loads(arguments.optional_text("tags") or "{}")
    except ValueError as error:
        raise Invalid(
            f"tags: it must be the JSON text of an object, and is no JSON: {error}.", target="tags"
        ) from error
    if not isinstance(tags, dict):
        raise Invalid("tags: it must be the JSON text of an object.", target="tags")
    return tags


@router.post("/create", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    made = service.create(
        session,
        caller,
        arguments.text("name"),
        tags=_tags(arguments),
        experiments=_experiments(session, caller, arguments),
    )
    note(session, "evaluation-datasets", made.name, after={"id": made.id})
    return answer({"dataset": _shown(made)})


@router.api_route("/search", methods=["GET", "POST"], dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_LISTED, MOST_LISTED)
    named = arguments.texts("experiment_ids")
    found = search(
        session,
        caller.workspace.id,
        experiment_ids=experiments.ids(session, caller.workspace.id, named) if named else None,
        filter=arguments.optional_text("filter_string"),
        order_by=arguments.texts("order_by"),
        offset=offset,
        count=count + 1,
    )
    return paged("datasets", [_shown(dataset) for dataset in found], offset, count)


@router.get("/{dataset_id}", dependencies=[allow(READ)])
def get(dataset_id: str, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"dataset": _shown(queries.get(session, caller.workspace.id, dataset_id))})


@router.delete("/{dataset_id}", dependencies=[allow(DELETE)])
def delete(dataset_id: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, dataset_id)
    note(session, "evaluation-datasets", found.name, before={"id": found.id, "records": found.record_count})
    service.delete(session, found)
    return answer()


@router.patch("/{dataset_id}/tags", dependencies=[allow(WRITE)])
def set_tags(dataset_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found, tags = queries.get(session, caller.workspace.id, dataset_id), _tags(arguments)
    service.set_tags(session, found, tags)
    note(session, "evaluation-datasets", found.name, after={"tags": tags})
    return answer()


@router.delete("/{dataset_id}/tags/{key:path}", dependencies=[allow(WRITE)])
def delete_tag(dataset_id: str, key: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, dataset_id)
    service.delete_tag(session, found, key)
    note(session, "evaluation-datasets", found.name, after={"deleted_tag": key})
    return answer()


@router.get("/{dataset_id}/experiment-ids", dependencies=[allow(READ)])
def experiment_ids(dataset_id: str, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, dataset_id)
    return answer({"experiment_ids": [str(experiment.id) for experiment in found.experiments]})


@router.post("/{dataset_id}/add-experiments", dependencies=[allow(WRITE)])
def add_experiments(dataset_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, dataset_id)
    service.add_to(session, found, _experiments(session, caller, arguments))
    note(session, "evaluation-datasets", found.name, after={"added_to": arguments.texts("experiment_ids")})
    return answer({"dataset": _shown(found)})


@router.post("/{dataset_id}/remove-experiments", dependencies=[allow(WRITE)])
def remove_experiments(dataset_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found, named = queries.get(session, caller.workspace.id, dataset_id), arguments.texts("experiment_ids")
    service.remove_from(session, found, experiments.ids(session, caller.workspace.id, named))
    note(session, "evaluation-datasets", found.name, after={"removed_from": named})
    return answer({"dataset": _shown(found)})


@router.post("/{dataset_id}/records", dependencies=[allow(WRITE)])
def merge_records(dataset_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    drafts = records.read(arguments.text("records"))
    found = queries.get(session, caller.workspace.id, dataset_id, lock=True)
    added, merged = service.merge_records(session, caller, found, drafts)
    note(session, "evaluation-datasets", found.name, after={"records_added": added, "records_merged": merged})
    return answer({"inserted_count": added, "updated_count": merged})


@router.get("/{dataset_id}/records", dependencies=[allow(READ)])
def get_records(dataset_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    after, count = _last_known(arguments), arguments.count(DEFAULT_LISTED, MOST_LISTED)
    dataset = queries.get(session, caller.workspace.id, dataset_id)
    found = queries.records_after(session, dataset, after, count + 1)
    body = {"records": json.dumps([_shown_record(record) for record in found[:count]], ensure_ascii=False)}
    if len(found) > count:
        body["next_page_token"] = paging.encode({"after": found[count - 1].id})
    return answer(body)


def _last_known(arguments: Arguments) -> int:
    token = arguments.optional_text("page_token")
    position = paging.decode(token) if token else {"after": 0}
    if not isinstance(position, dict) or type(position.get("after")) is not int:
        raise Invalid("page_token is not one that this server gave out.", target="page_token")
    return position["after"]


@router.delete("/{dataset_id}/records", dependencies=[allow(DELETE)])
def delete_records(dataset_id: str, arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get(session, caller.workspace.id, dataset_id, lock=True)
    count = service.delete_records(session, found, arguments.texts("dataset_record_ids"))
    note(session, "evaluation-datasets", found.name, after={"records_deleted": count})
    return answer({"deleted_count": count})
