"""MLflow's calls about queues in which traces wait for reviewers."""

from typing import Any

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow, note
from app.dialects.mlflow.arguments import ArgumentsDep, answer, paged
from app.experiments import queries as experiments
from app.reviews import queries, service
from app.reviews.permissions import DELETE, READ, WRITE
from app.reviews.tables import ReviewItem, ReviewQueue
from app.web.session import SessionDep

router = APIRouter(prefix="/review-queues")
DEFAULT_LISTED, MOST_LISTED = 1000, 50_000
TYPES = {"USER": "user", "CUSTOM": "custom", "1": "user", "2": "custom"}
STATUSES = {"PENDING": "pending", "COMPLETE": "complete", "DECLINED": "declined"}
STATUSES |= {"1": "pending", "2": "complete", "3": "declined"}
ITEM_TYPES = ("TRACE", "1", "REVIEW_ITEM_TYPE_UNSPECIFIED", "0")


def shown(queue: ReviewQueue) -> dict[str, Any]:
    return {
        "queue_id": queue.id,
        "experiment_id": str(queue.experiment_id),
        "name": queue.name,
        "queue_type": queue.type.upper(),
        "creation_time_ms": queue.created_ms,
        "last_update_time_ms": queue.updated_ms,
        "users": [user.name for user in queue.users],
        "schema_ids": [one.schema_id for one in queue.schemas],
        **({"created_by": queue.created_by} if queue.created_by else {}),
    }


def shown_item(item: ReviewItem) -> dict[str, Any]:
    optional = {"completed_by": item.completed_by, "completed_time_ms": item.completed_ms}
    return {
        "queue_id": item.queue_id,
        "item_type": "TRACE",
        "item_id": item.trace.name,
        "status": item.status.upper(),
        "creation_time_ms": item.created_ms,
        "last_update_time_ms": item.updated_ms,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _experiment(arguments, session, caller):
    return experiments.get(session, caller.workspace.id, arguments.text("experiment_id"))


def _queue(arguments, session, caller) -> ReviewQueue:
    return queries.get(session, caller.workspace.id, arguments.text("queue_id"))


@router.post("/create", dependencies=[allow(WRITE)])
def create(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    arguments.text("queue_type")
    kind = TYPES[arguments.choice("queue_type", TYPES)]
    made = service.create(
        session, _experiment(arguments, session, caller), arguments.text("name"), kind,
        created_by=caller.user.name, users=arguments.texts("users"), schema_ids=arguments.texts("schema_ids"),
    )  # fmt: skip
    note(session, "review-queues", made.name, after={"id": made.id})
    return answer({"review_queue": shown(made)})


@router.post("/get-or-create-user", dependencies=[allow(WRITE)])
def get_or_create_user(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    experiment = _experiment(arguments, session, caller)
    return answer({"review_queue": shown(service.get_or_create_of_person(session, experiment, arguments.text("user")))})


@router.get("/get", dependencies=[allow(READ)])
def get(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    return answer({"review_queue": shown(_queue(arguments, session, caller))})


@router.get("/get-by-name", dependencies=[allow(READ)])
def get_by_name(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    found = queries.get_by_name(session, _experiment(arguments, session, caller), arguments.text("name"))
    return answer({"review_queue": shown(found)})


@router.get("/list", dependencies=[allow(READ)])
def find(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_LISTED, MOST_LISTED)
    found = queries.queues(
        session, _experiment(arguments, session, caller), user=arguments.optional_text("user"),
        trace=arguments.optional_text("item_id"), offset=offset, count=count + 1,
    )  # fmt: skip
    return paged("review_queues", [shown(queue) for queue in found], offset, count)


@router.post("/update", dependencies=[allow(WRITE)])
def update(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    queue = _queue(arguments, session, caller)
    changes: dict[str, Any] = {}
    for field, name in (("name", "name"), ("new_owner", "owner")):
        if field in arguments:
            changes[name] = arguments.optional_text(field)
    changes |= {name: arguments.texts(name) for name in ("users", "schema_ids") if arguments.flag(f"update_{name}")}
    service.update(session, queue, changes)
    return answer({"review_queue": shown(queue)})


@router.post("/delete", dependencies=[allow(DELETE)])
def delete(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """What is not there is deleted already."""
    queue = queries.find(session, caller.workspace.id, arguments.text("queue_id"))
    if queue is not None:
        note(session, "review-queues", queue.name, before={"id": queue.id})
        service.delete(session, queue)
    return answer()


@router.post("/items/add", dependencies=[allow(WRITE)])
def add_items(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    arguments.choice("item_type", list(ITEM_TYPES))
    added = service.add(session, _queue(arguments, session, caller), arguments.texts("item_ids"))
    return answer({"items": [shown_item(item) for item in added]})


@router.post("/items/remove", dependencies=[allow(WRITE)])
def remove_items(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    service.remove(session, _queue(arguments, session, caller), arguments.texts("item_ids"))
    return answer()


@router.get("/items/list", dependencies=[allow(READ)])
def list_items(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_LISTED, MOST_LISTED)
    unspecified = {"REVIEW_STATUS_UNSPECIFIED": "", "0": "", "": ""}
    status = (STATUSES | unspecified)[arguments.choice("status", STATUSES | unspecified)]
    found = queries.items(session, _queue(arguments, session, caller), status, offset, count + 1)
    return paged("items", [shown_item(item) for item in found], offset, count)


@router.post("/items/set-status", dependencies=[allow(WRITE)])
def set_status(arguments: ArgumentsDep, session: SessionDep, caller: CallerDep) -> Response:
    """Whoever calls is who reviewed; `completed_by` is not believed."""
    arguments.text("status")
    status = STATUSES[arguments.choice("status", STATUSES)]
    item = queries.item(session, _queue(arguments, session, caller), arguments.text("item_id"))
    service.set_status(session, item, status, caller.user.name)
    return answer({"item": shown_item(item)})
