"""What a worker does all the time, beside the tasks that it is sent."""

import os
import time
from collections.abc import Callable
from functools import partial

from app import domains
from app.endpoints.gateway import load
from app.kit import live, outbox, queue
from app.kit.hiding import hide_from_guests
from app.settings import current
from workers.execution import instance
from workers.node import SWEEPS, TAKING, Node
from workers.reconcile import (
    alerts,
    autoscaling,
    deleted_datasets,
    deliveries,
    discarded_files,
    endpoint_alerts,
    lost_builds,
    lost_jobs,
    old_collections,
    old_metrics,
    old_uploads,
    pipelines,
    profiles,
    schedules,
    silent_workers,
    sweeps,
    unreferenced_uploads,
    unsent_tasks,
    waiting_operations,
)
from workers.serving.keeper import Keeper

_node: Node | None = None
_keeper: Keeper | None = None


def node() -> Node:
    """This process as a worker; `start` has been called."""
    return _node


def start() -> None:
    global _node, _keeper
    settings = current()
    hide_from_guests()
    domains.start(settings)
    outbox.connect(_send, live.hint)
    _node = Node(settings, settings.slots or os.cpu_count() or 1)
    _keeper = Keeper(_node)
    _node.start(
        ("lost jobs", 5, lost_jobs.reconcile),
        ("lost builds", 5, lost_builds.reconcile),
        ("instances of jobs", 1, partial(instance.start_reserved, _node)),
        (TAKING, 1, partial(unsent_tasks.reconcile, _node)),
        ("discarded files", 5, discarded_files.reconcile),
        ("deleted datasets", 5, deleted_datasets.reconcile),
        ("waiting operations", 5, waiting_operations.reconcile),
        ("old uploads", 3600, old_uploads.reconcile),
        ("old collected data", 3600, old_collections.reconcile),
        ("old metrics of deployments", 600, old_metrics.reconcile),
        ("unreferenced uploads", 86_400, unreferenced_uploads.reconcile),
        ("silent workers", 30, silent_workers.reconcile),
        (SWEEPS, 1, _sparing(sweeps.reconcile)),
        ("pipelines", 5, pipelines.reconcile),
        ("profiles of data", 1, partial(profiles.reconcile, settings)),
        ("schedules", 1, schedules.reconcile),
        ("alerts", 5, alerts.reconcile),
        ("alerts of endpoints", 10, endpoint_alerts.reconcile),
        ("deliveries", 1, deliveries.reconcile),
        ("old deliveries", 3600, deliveries.forget_old),
        ("deployments", 1, _keeper.reconcile),
        ("use of deployments", 10, _keeper.measure),
        ("instances that grow", 2, _keeper.recycle),
        (
            "scaling of deployments",
            1,
            partial(autoscaling.reconcile, partial(load.read, live.client(settings.redis_url))),
        ),
        *_duties_of_engine(_node),
    )


def _sparing(look: Callable[[], None]) -> Callable[[], None]:
    """For what the end of each job wakes: it takes a fifth of the time at most, as many jobs may end at once."""
    rest_until = 0.0

    def rest_and_look() -> None:
        nonlocal rest_until
        time.sleep(max(0.0, rest_until - time.monotonic()))
        began = time.monotonic()
        look()
        ended = time.monotonic()
        rest_until = ended + min(1.0, 4 * (ended - began))

    return rest_and_look


def _duties_of_engine(node: Node) -> list[tuple[str, float, Callable[[], None]]]:
    if node.engine is None:
        return []
    return node.engine.duties()


def _send(task: str, args: tuple) -> None:
    """A pipeline goes on in the thread that ended its step, and here is where a job is started soonest."""
    if task == "pipelines.advance":
        pipelines.advance(*args)
        return
    if task == "jobs.run":
        _node.wake(TAKING)
    if task != "jobs.run" or not _node.has_room:
        queue.send(task, args)


def let_go() -> None:
    if _node is not None:
        _node.let_go()


def stop() -> None:
    _keeper.close()
    _node.stop()
