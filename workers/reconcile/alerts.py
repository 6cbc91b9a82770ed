"""No alert is missed: runs that go on are looked at for metrics over a line and for silence."""

from app.alerts.watching import Watch, tell
from app.database import reading, transaction

_watch = Watch()


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
