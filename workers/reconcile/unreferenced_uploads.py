"""Uploads that nothing has referred to for days leave the artifact store."""

import logging

from app.data import unreferenced
from app.settings import current

log = logging.getLogger(__name__)


def reconcile() -> None:
    days = current().unreferenced_days
    count = unreferenced.sweep(days) if days else 0
    if count:
        log.info("uploads deleted", extra={"fields": {"count": count}})
