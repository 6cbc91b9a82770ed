"""No alert is missed: runs that go on are looked at for metrics over a line and for silence."""

from sqlalchemy import Exists

from app.alerts import queries
from app.alerts.watching import Watch, tell
from app.database import reading, transaction

_watch = Watch()


def is_due() -> Exists:
    return queries.is_any_awake("metric", "stalled")


def reconcile(watch: Watch = _watch) -> None:
    with reading() as session:
        causes = watch.look(session)
    if not causes:
        return
    try:
        with transaction() as session:
            tell(session, causes)
    except Exception:
        watch.forget()
        raise
