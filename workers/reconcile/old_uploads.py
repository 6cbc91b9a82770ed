"""Pieces of uploads with which nobody went on leave the artifact store."""

from app.data import resumable


def reconcile() -> None:
    resumable.forget_old()
