"""No alert of an endpoint is missed: errors, latency and what has nothing ready are looked at again and again."""

from sqlalchemy import Exists

from app.alerts import queries
from app.alerts.endpoints import ENDPOINT_OCCASIONS, EndpointWatch, still, tell
from app.database import reading, transaction

_watch = EndpointWatch()


def is_due() -> Exists:
    return queries.is_any_awake(*ENDPOINT_OCCASIONS)


def reconcile(watch: EndpointWatch = _watch) -> None:
    with reading() as session:
        rules, causes = watch.look(session)
        # Most of the time there is nothing to write.
        if not causes and session.scalar(still(rules).limit(1)) is None:
            return
    with transaction() as session:
        tell(session, rules, causes)
