"""What may leave only once the transaction that asked for it has committed: tasks and live hints.

A rolled-back session is never reused, so what it asked for is forgotten with it.
"""

import logging
from collections.abc import Callable

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.database import Sessions

Send = Callable[[str, tuple], None]
Hint = Callable[[str, str], None]
log = logging.getLogger(__name__)
_send: Send
_hint: Hint


def connect(send: Send, hint: Hint) -> None:
    """Say how tasks and hints are sent; called once per process."""
    global _send, _hint
    _send, _hint = send, hint


def enqueue(session: Session, task: str, *args) -> None:
    session.info.setdefault("outbox", []).append((task, args))


def hint(session: Session, channel: str, kind: str) -> None:
    """Tell whoever watches `channel` that `kind` has changed, after commit."""
    session.info.setdefault("hints", {})[channel, kind] = None


@event.listens_for(Sessions, "after_commit")
def _flush(session: Session) -> None:
    if session.in_nested_transaction():
        # A savepoint was released, and nothing is committed yet.
        return
    for task, args in session.info.pop("outbox", ()):
        try:
            _send(task, args)
        except Exception:
            # The row is committed; the reconciler sends what the queue did not take.
            log.warning("task %s%s did not reach the queue", task, args, exc_info=True)
    for channel, kind in session.info.pop("hints", ()):
        _hint(channel, kind)
