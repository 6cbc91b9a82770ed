"""What is to be told is told: each delivery is attempted when it is due, until it was taken or has failed."""

import logging
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from app.database import reading, transaction
from app.notifications import service
from app.notifications.sending import Outcome, attempt
from app.notifications.tables import Delivery

AT_ONCE = 8
log = logging.getLogger(__name__)
_pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliveries")


def reconcile() -> None:
    while claimed := _claim():
        list(_pool.map(_deliver, claimed))


def _claim() -> list[Delivery]:
    with reading() as session:
        # Looking takes no lock; most of the time there is nothing to claim.
        if not session.scalar(select(service.is_any_due())):
            return []
    with transaction() as session:
        return service.claim(session, AT_ONCE)


def _deliver(delivery: Delivery) -> None:
    try:
        outcome = attempt(service.settings(), delivery)
    except Exception as error:
        log.exception("delivery %s broke", delivery.id)
        outcome = Outcome(False, True, None, f"It could not be sent: {error}")
    with transaction() as session:
        service.settle(session, delivery, outcome)


def forget_old() -> None:
    with transaction() as session:
        service.forget_old(session)
