"""The records of evaluation datasets that were deleted are deleted after them."""

from app.evaluation import service


def reconcile() -> None:
    service.forget_deleted()
