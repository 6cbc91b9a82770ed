"""Reads of review queues and of what waits in them."""

from collections.abc import Sequence

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session, contains_eager

from app.errors import NotFound
from app.experiments.tables import Experiment
from app.kit.paging import Page, paginate
from app.reviews.tables import ReviewItem, ReviewQueue, ReviewQueueUser
from app.traces.tables import Trace

STATUSES = ("pending", "complete", "declined")


def find(session: Session, workspace_id: int, queue_id: str) -> ReviewQueue | None:
    found = select(ReviewQueue).join(Experiment).where(Experiment.workspace_id == workspace_id)
    return session.scalar(found.where(ReviewQueue.id == queue_id))


def get(session: Session, workspace_id: int, queue_id: str) -> ReviewQueue:
    queue = find(session, workspace_id, queue_id)
    if queue is None:
        raise NotFound(f"Review queue with id {queue_id!r} not found.", target="queue_id")
    return queue


def find_by_name(session: Session, experiment: Experiment, name: str) -> ReviewQueue | None:
    found = select(ReviewQueue).where(ReviewQueue.experiment_id == experiment.id)
    return session.scalar(found.where(ReviewQueue.name_key == name.lower()))


def get_by_name(session: Session, experiment: Experiment, name: str) -> ReviewQueue:
    queue = find_by_name(session, experiment, name)
    if queue is None:
        raise NotFound(f"Review queue with name {name!r} not found for experiment {experiment.id}.", target="name")
    return queue


def queues(
    session: Session, experiment: Experiment, *, user: str = "", trace: str = "", offset: int = 0, count: int = 100
) -> Sequence[ReviewQueue]:
    """The newest first; of a person only, or only those in which a trace is."""
    found = select(ReviewQueue).where(ReviewQueue.experiment_id == experiment.id)
    if user:
        of_user = select(ReviewQueueUser.queue_id).where(ReviewQueueUser.name == user.strip().lower())
        found = found.where(ReviewQueue.id.in_(of_user))
    if trace:
        holding = select(ReviewItem.queue_id).join(Trace).where(Trace.name == trace)
        found = found.where(ReviewQueue.id.in_(holding))
    return session.scalars(
        found.order_by(ReviewQueue.created_ms.desc(), ReviewQueue.id).offset(offset).limit(count)
    ).all()


def page(session: Session, workspace_id: int, user: str = "", number: int = 1, size: int = 50) -> Page:
    """Of a workspace, or of a person in it: rows of a queue and its experiment's name, the newest first."""
    found = select(ReviewQueue, Experiment.name).join(Experiment).where(Experiment.workspace_id == workspace_id)
    if user:
        of_user = select(ReviewQueueUser.queue_id).where(ReviewQueueUser.name == user.strip().lower())
        found = found.where(ReviewQueue.id.in_(of_user))
    return paginate(session, found.order_by(ReviewQueue.created_ms.desc(), ReviewQueue.id), number, size)


def counts(session: Session, queue_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many items of each queue have each status."""
    found = select(ReviewItem.queue_id, ReviewItem.status, func.count(ReviewItem.trace_id))
    found = found.where(ReviewItem.queue_id.in_(queue_ids)).group_by(ReviewItem.queue_id, ReviewItem.status)
    counted = {queue_id: dict.fromkeys(STATUSES, 0) for queue_id in queue_ids}
    for queue_id, status, count in session.execute(found):
        counted[queue_id][status] = count
    return counted


def following(session: Session, queue: ReviewQueue, item: ReviewItem | None = None) -> ReviewItem | None:
    """The next that is pending in the order in which they came, after the last one the first."""
    waiting = select(ReviewItem).join(ReviewItem.trace).options(contains_eager(ReviewItem.trace))
    waiting = waiting.where(ReviewItem.queue_id == queue.id, ReviewItem.status == "pending")
    waiting = waiting.order_by(ReviewItem.created_ms, ReviewItem.trace_id).limit(1)
    if item is None:
        return session.scalar(waiting)
    place = tuple_(ReviewItem.created_ms, ReviewItem.trace_id)
    after = session.scalar(waiting.where(place > tuple_(literal(item.created_ms), literal(item.trace_id))))
    return after or session.scalar(waiting.where(ReviewItem.trace_id != item.trace_id))


def holding(session: Session, workspace_id: int, trace_name: str) -> Sequence[tuple[ReviewItem, ReviewQueue]]:
    """The queues in which a trace is, with what became of it there."""
    found = select(ReviewItem, ReviewQueue).join(ReviewQueue, ReviewQueue.id == ReviewItem.queue_id).join(Trace)
    found = found.where(Trace.workspace_id == workspace_id, Trace.name == trace_name).order_by(ReviewQueue.name_key)
    return session.execute(found).all()


def items(
    session: Session, queue: ReviewQueue, status: str = "", offset: int = 0, count: int = 100
) -> Sequence[ReviewItem]:
    """With their traces, the newest first."""
    found = select(ReviewItem).join(ReviewItem.trace).where(ReviewItem.queue_id == queue.id)
    if status:
        found = found.where(ReviewItem.status == status)
    found = found.options(contains_eager(ReviewItem.trace)).order_by(ReviewItem.created_ms.desc(), Trace.name)
    return session.scalars(found.offset(offset).limit(count)).all()


def item(session: Session, queue: ReviewQueue, trace_name: str) -> ReviewItem:
    found = select(ReviewItem).join(ReviewItem.trace).where(ReviewItem.queue_id == queue.id, Trace.name == trace_name)
    one = session.scalar(found.options(contains_eager(ReviewItem.trace)))
    if one is None:
        raise NotFound(f"Item {trace_name!r} is not attached to review queue {queue.id!r}.", target="item_id")
    return one
