"""No action on many runs waits behind jobs, or for a message that the queue lost: it is carried out here."""

from app.database import reading
from app.runs import operations


def reconcile() -> None:
    with reading() as session:
        waiting = operations.unattended(session)
    for operation_id in waiting:
        operations.run(operation_id)
