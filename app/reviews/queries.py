"""Reads of review queues and of what waits in them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from app.errors import NotFound
from app.experiments.tables import Experiment
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
