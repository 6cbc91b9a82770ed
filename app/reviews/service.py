"""Writes review queues: who is asked what, about which traces, and what became of each.

The rules are MLflow's (mlflow/genai/review_queues/validation.py).
"""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AlreadyExists, Invalid, NotFound
from app.experiments.service import check_active
from app.experiments.tables import Experiment
from app.kit.clock import milliseconds, now
from app.reviews import queries
from app.reviews.questions import ensure_default
from app.reviews.tables import LabelSchema, ReviewItem, ReviewQueue, ReviewQueueSchema, ReviewQueueUser
from app.traces import queries as traces
from app.traces.service import insert
from app.traces.spans import clean
from app.traces.tables import Trace

RESERVED = "default"
LONGEST_NAME, MOST_USERS, MOST_TOGETHER = 250, 10, 500


def create(
    session: Session,
    experiment: Experiment,
    name: str,
    type: str,
    *,
    created_by: str,
    users: Sequence[str] = (),
    schema_ids: Sequence[str] = (),
) -> ReviewQueue:
    """A queue; that of a person (`type` user) is named after them and asks all that the experiment asks."""
    check_active(experiment)
    ensure_default(session, experiment)
    people, asked = _people(users), list(dict.fromkeys(one.strip() for one in schema_ids))
    if type == "user":
        name = _person(name, "name")
        if people not in ([], [name]):
            raise Invalid(
                "A user queue must have exactly one assigned user equal to its name; "
                f"got name={name!r} and users={people!r}.",
                target="users",
            )
        if asked:
            raise Invalid(
                "A user queue cannot have explicitly-attached schemas; "
                "it resolves to all of the experiment's label schemas.",
                target="schema_ids",
            )
        people = [name]
    else:
        name = _custom_name(name)
    _check_asked(session, experiment.id, asked)
    if not _insert(session, experiment, name, type, created_by):
        raise _taken(name)
    queue = queries.get_by_name(session, experiment, name)
    queue.users = [ReviewQueueUser(name=person) for person in people]
    queue.schemas = [ReviewQueueSchema(schema_id=one) for one in asked]
    session.flush()
    return queue


def _insert(session: Session, experiment: Experiment, name: str, type: str, created_by: str) -> bool:
    at = milliseconds(now())
    row = {"id": f"rq-{secrets.token_hex(16)}", "experiment_id": experiment.id, "name": name, "name_key": name.lower()}
    row |= {"type": type, "created_by": created_by, "created_ms": at, "updated_ms": at}
    made = insert(session, ReviewQueue).values(row).on_conflict_do_nothing().returning(ReviewQueue.id)
    return session.scalar(made) is not None


def get_or_create_of_person(session: Session, experiment: Experiment, person: str) -> ReviewQueue:
    name = _person(person, "user")
    queue = queries.find_by_name(session, experiment, name)
    if queue is None:
        return create(session, experiment, name, "user", created_by=name)
    if queue.type != "user":
        raise AlreadyExists(
            f"A non-user queue named {name!r} already exists; cannot get-or-create a user queue with that name.",
            target="user",
        )
    return queue


def update(session: Session, queue: ReviewQueue, changes: dict[str, Any]) -> None:
    """`changes` holds any of name, owner, users and schema_ids."""
    if queue.type == "user":
        raise Invalid(
            "A user queue's name, assigned user, schemas, and owner are fixed and cannot be updated.", target="queue_id"
        )
    if "owner" in changes:
        queue.created_by = _within(changes["owner"].strip(), "new_owner")
    if "name" in changes:
        _rename(session, queue, _custom_name(changes["name"]))
    if "users" in changes:
        wanted = _people(changes["users"])
        queue.users = [one for one in queue.users if one.name in wanted] + [
            ReviewQueueUser(name=person) for person in wanted if person not in {one.name for one in queue.users}
        ]
    if "schema_ids" in changes:
        _ask(session, queue, list(dict.fromkeys(one.strip() for one in changes["schema_ids"])))
    if changes:
        queue.updated_ms = milliseconds(now())
    session.flush()


def _rename(session: Session, queue: ReviewQueue, name: str) -> None:
    taken = select(ReviewQueue.id).where(
        ReviewQueue.experiment_id == queue.experiment_id,
        ReviewQueue.name_key == name.lower(),
        ReviewQueue.id != queue.id,
    )
    if session.scalar(taken):
        raise _taken(name)
    queue.name, queue.name_key = name, name.lower()


def _ask(session: Session, queue: ReviewQueue, asked: list[str]) -> None:
    if session.scalar(select(ReviewItem.trace_id).where(ReviewItem.queue_id == queue.id).limit(1)):
        raise Invalid(
            "A review queue's questions are locked once items are assigned to it. "
            "Remove the items before changing its questions.",
            target="schema_ids",
        )
    _check_asked(session, queue.experiment_id, asked)
    held = {one.schema_id: one for one in queue.schemas}
    queue.schemas = [held.get(one) or ReviewQueueSchema(schema_id=one) for one in asked]


def delete(session: Session, queue: ReviewQueue) -> None:
    """What was answered stays."""
    session.delete(queue)
    session.flush()


def add(session: Session, queue: ReviewQueue, trace_names: Sequence[str]) -> list[ReviewItem]:
    """Put traces of the queue's experiment into it; those that are in it stay as they are."""
    names = _named(trace_names)
    found = traces.by_names(session, _workspace_id(session, queue), names)
    known = {trace.name: trace.id for trace in found if trace.experiment_id == queue.experiment_id}
    missing = [name for name in names if name not in known]
    if missing:
        raise NotFound(
            f"Cannot attach trace(s) {', '.join(missing)} to review queue {queue.id!r}: "
            f"they do not exist in experiment {queue.experiment_id}.",
            target="item_ids",
        )
    at = milliseconds(now())
    same = {"queue_id": queue.id, "status": "pending", "created_ms": at, "updated_ms": at}
    rows = [same | {"trace_id": known[name]} for name in names]
    session.execute(insert(session, ReviewItem).on_conflict_do_nothing(), rows)
    items = session.scalars(
        select(ReviewItem).where(ReviewItem.queue_id == queue.id, ReviewItem.trace_id.in_(known.values()))
    )
    by_trace = {item.trace_id: item for item in items}
    return [by_trace[known[name]] for name in names]


def remove(session: Session, queue: ReviewQueue, trace_names: Sequence[str]) -> None:
    inside = select(Trace.id).where(
        Trace.workspace_id == _workspace_id(session, queue), Trace.name.in_(_named(trace_names))
    )
    session.execute(delete_rows(ReviewItem).where(ReviewItem.queue_id == queue.id, ReviewItem.trace_id.in_(inside)))


def set_status(session: Session, item: ReviewItem, status: str, by: str) -> None:
    """Say what became of an item. One that has that status already keeps who gave it."""
    if item.status == status:
        return
    is_open = status == "pending"
    item.status, item.updated_ms = status, milliseconds(now())
    item.completed_by = None if is_open else by.strip().lower()
    item.completed_ms = None if is_open else item.updated_ms
    session.flush()


def _workspace_id(session: Session, queue: ReviewQueue) -> int:
    return session.scalar(select(Experiment.workspace_id).where(Experiment.id == queue.experiment_id))


def _named(trace_names: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in trace_names))
    if not 0 < len(names) <= MOST_TOGETHER or not all(names):
        raise Invalid(f"`item_ids` must name 1 to {MOST_TOGETHER} traces; got {len(names)}.", target="item_ids")
    return names


def _check_asked(session: Session, experiment_id: int, schema_ids: list[str]) -> None:
    found = select(LabelSchema.id).where(LabelSchema.experiment_id == experiment_id, LabelSchema.id.in_(schema_ids))
    known = set(session.scalars(found)) if schema_ids else set()
    missing = [one for one in schema_ids if one not in known]
    if missing:
        raise Invalid(
            f"Label schema id(s) {', '.join(missing)} not found for experiment {experiment_id}.", target="schema_ids"
        )


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"Review queue with name {name!r} already exists (names are case-insensitive).", target="name")


def _custom_name(name: str) -> str:
    name = _within(name.strip(), "name")
    if name.lower() == RESERVED:
        raise Invalid(f"`{name}` is a reserved queue name and cannot be used for a custom queue.", target="name")
    return name


def _people(users: Sequence[str]) -> list[str]:
    people = list(dict.fromkeys(_person(user, "user") for user in users))
    if len(people) > MOST_USERS:
        raise Invalid(
            f"A review queue can have at most {MOST_USERS} assigned users; got {len(people)}.", target="users"
        )
    return people


def _person(name: str, field: str) -> str:
    return _within(name.strip().lower(), field)


def _within(name: str, field: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(f"`{field}` must have 1 to {LONGEST_NAME} characters; got {len(name)}.", target=field)
    return clean(name)
