"""No alert of an endpoint is missed: errors, latency and what has nothing ready are looked at again and again."""

from app.alerts.endpoints import EndpointWatch, still, tell
from app.database import reading, transaction

_watch = EndpointWatch()


def reconcile(watch: EndpointWatch = _watch) -> None:
    with reading() as session:
        rules, causes = watch.look(session)
        # Most of the time there is nothing to write.
        if not causes and session.scalar(still(rules).limit(1)) is None:
            return
    with transaction() as session:
        tell(session, rules, causes)
