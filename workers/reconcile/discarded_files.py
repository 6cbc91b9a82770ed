"""What was deleted for good leaves the artifact store too."""

from app.jobs import discarding


def reconcile() -> None:
    discarding.delete_discarded()
