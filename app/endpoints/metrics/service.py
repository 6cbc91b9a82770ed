"""Keeps tallies in bounded space: each is added to a stretch of every length, and each length has its time."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access.tables import Workspace
from app.endpoints.metrics.tables import DeploymentMetrics
from app.endpoints.metrics.tally import Tally, merge
from app.endpoints.tables import OnlineEndpoint
from app.kit.clock import milliseconds, now

HOUR, DAY = 3600, 24 * 3600
KEPT = {10: 2 * HOUR, 60: 26 * HOUR, 600: 8 * DAY, 3600: 31 * DAY}
"""For how many seconds a stretch of each length is kept: 4,176 rows a deployment at most."""
SHORTEST = min(KEPT)
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Measured(NamedTuple):
    """What was seen of one deployment at a Unix time."""

    endpoint_id: int
    deployment: str
    at: int
    tally: Tally


def add(session: Session, measured: Iterable[Measured]) -> None:
    rows: dict[tuple[int, int, int, str], Tally] = {}
    for one in measured:
        for seconds in KEPT:
            key = (one.endpoint_id, seconds, one.at - one.at % seconds, one.deployment)
            rows[key] = merge(rows.get(key, {}), one.tally)
    # Of several writers each locks the rows in the same order.
    for key in sorted(rows):
        _add(session, key, rows[key])


def endpoint_ids(session: Session, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """By names of workspace and endpoint; without those that are gone."""
    named = tuple_(Workspace.name, OnlineEndpoint.name)
    found = select(Workspace.name, OnlineEndpoint.name, OnlineEndpoint.id).join(
        OnlineEndpoint, Workspace.id == OnlineEndpoint.workspace_id
    )
    return {
        (workspace, endpoint): id for workspace, endpoint, id in session.execute(found.where(named.in_(set(places))))
    }


def _add(session: Session, key: tuple[int, int, int, str], tally: Tally) -> None:
    names = ("endpoint_id", "seconds", "at", "deployment")
    insert = _INSERT[session.get_bind().dialect.name](DeploymentMetrics)
    made = insert.values(**dict(zip(names, key, strict=True)), tally=tally).on_conflict_do_nothing()
    if session.scalar(made.returning(DeploymentMetrics.at)) is not None:
        return
    same = [getattr(DeploymentMetrics, name) == value for name, value in zip(names, key, strict=True)]
    known = session.scalar(select(DeploymentMetrics.tally).where(*same).with_for_update())
    if known is not None:
        session.execute(update(DeploymentMetrics).where(*same).values(tally=merge(known, tally)))


def forget_old(session: Session) -> None:
    moment = milliseconds(now()) // 1000
    for seconds, kept in KEPT.items():
        old = [DeploymentMetrics.seconds == seconds, DeploymentMetrics.at < moment - kept]
        session.execute(delete(DeploymentMetrics).where(*old))
