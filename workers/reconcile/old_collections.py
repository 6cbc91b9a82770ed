"""What was collected of deployments is kept for its time and no longer."""

from app.endpoints.collecting import aging
from app.settings import current


def reconcile() -> None:
    if days := current().collected_days:
        aging.forget_old(days)
