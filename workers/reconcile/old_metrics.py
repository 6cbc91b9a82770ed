"""What was measured of deployments is kept for its time and no longer."""

from app.database import transaction
from app.endpoints.metrics import service


def reconcile() -> None:
    with transaction() as session:
        service.forget_old(session)
