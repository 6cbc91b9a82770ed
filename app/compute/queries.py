"""Reads of workers, computes and queues."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.compute.tables import DEFAULT_QUEUE, Compute, Queue, Worker
from app.errors import NotFound
from app.kit.paging import Page


def working(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(Worker.stopped_at.is_(None)).order_by(Worker.id)).all()


def any_engine(session: Session, *, on_host: bool = False) -> bool:
    """Whether a worker that is here runs container images; `on_host` as containers of its own machine, not as pods."""
    found = select(Worker.id).where(Worker.stopped_at.is_(None), Worker.engine.is_not(None)).limit(1)
    if on_host:
        found = found.where(Worker.engine.not_like("kubernetes%"))
    return session.scalar(found) is not None


def find_compute(session: Session, workspace_id: int, name: str) -> Compute | None:
    return session.scalar(select(Compute).where(Compute.workspace_id == workspace_id, Compute.name == name))


def get_compute(session: Session, workspace_id: int, name: str) -> Compute:
    found = find_compute(session, workspace_id, name)
    if found is None:
        raise NotFound(f"There is no compute {name!r} in this workspace.", target="name")
    return found


def computes(session: Session, workspace_id: int, *, number: int = 1, size: int = 50) -> Page:
    found = select(Compute).where(Compute.workspace_id == workspace_id)
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    rows = session.scalars(found.order_by(Compute.name).offset((number - 1) * size).limit(size)).all()
    return Page(rows, total, number, size)


def get_queue(session: Session, name: str) -> Queue:
    """The default queue needs no row; raises NotFound for any other that has none."""
    found = find_queue(session, name)
    if found is None and name == DEFAULT_QUEUE:
        return Queue(name=name, weight=1, description="")
    if found is None:
        raise NotFound(f"There is no queue {name!r}.", target="queue")
    return found


def find_queue(session: Session, name: str) -> Queue | None:
    return session.get(Queue, name)


def queues(session: Session) -> list[Queue]:
    """All, the default queue first, whether it has a row or not."""
    rows = {queue.name: queue for queue in session.scalars(select(Queue).order_by(Queue.name))}
    return [rows.pop(DEFAULT_QUEUE, None) or Queue(name=DEFAULT_QUEUE, weight=1, description=""), *rows.values()]
