"""What a worker does all the time, beside the tasks that it is sent."""

import os
import time
from collections.abc import Callable
from functools import partial

from app import domains
from app.data import profiles as data_profiles
from app.endpoints.gateway import load
from app.environments import builds
from app.evaluation import service as evaluation
from app.jobs import discarding, moves
from app.kit import live, outbox, queue
from app.kit.hiding import hide_from_guests
from app.notifications import service as notifications
from app.pipelines import queries as pipeline_queries
from app.runs import operations
from app.settings import current
from app.sweeps import queries as sweep_queries
from workers.execution import instance, nodes
from workers.node import SWEEPS, TAKING, Duty, Node
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
    _node.start(*of(_node, _keeper))


def of(node: Node, keeper: Keeper) -> list[Duty]:
    """All that a worker does beside the tasks that it is sent."""
    scale = partial(autoscaling.reconcile, partial(load.read, live.client(node.settings.redis_url)))
    return [
        Duty("lost jobs", 5, lost_jobs.reconcile, moves.is_any_lost),
        Duty("lost builds", 5, lost_builds.reconcile, builds.is_any_lost),
        Duty("instances of jobs", 1, partial(instance.start_reserved, node), partial(nodes.is_any_reserved, node.id)),
        Duty(TAKING, 1, partial(unsent_tasks.reconcile, node), unsent_tasks.is_due),
        Duty("discarded files", 5, discarded_files.reconcile, discarding.is_any_waiting),
        Duty("deleted datasets", 5, deleted_datasets.reconcile, evaluation.is_any_deleted),
        Duty("waiting operations", 5, waiting_operations.reconcile, operations.is_any_unattended),
        Duty("old uploads", 3600, old_uploads.reconcile),
        Duty("old collected data", 3600, old_collections.reconcile),
        Duty("old metrics of deployments", 600, old_metrics.reconcile),
        Duty("unreferenced uploads", 86_400, unreferenced_uploads.reconcile),
        Duty("silent workers", 30, silent_workers.reconcile),
        Duty(SWEEPS, 1, _sparing(sweeps.reconcile), sweep_queries.is_any_open),
        Duty("pipelines", 5, pipelines.reconcile, pipeline_queries.is_any_open),
        Duty("profiles of data", 1, partial(profiles.reconcile, node.settings), data_profiles.is_any_due),
        Duty("schedules", 1, schedules.reconcile, schedules.is_due),
        Duty("alerts", 5, alerts.reconcile, alerts.is_due),
        Duty("alerts of endpoints", 10, endpoint_alerts.reconcile, endpoint_alerts.is_due),
        Duty("deliveries", 1, deliveries.reconcile, notifications.is_any_due),
        Duty("old deliveries", 3600, deliveries.forget_old),
        Duty("deployments", 1, keeper.reconcile, keeper.is_due),
        Duty("use of deployments", 10, keeper.measure, keeper.is_serving),
        Duty("instances that grow", 2, keeper.recycle, keeper.is_serving),
        Duty("scaling of deployments", 1, scale, autoscaling.is_due),
        *_duties_of_engine(node),
    ]


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


def _duties_of_engine(node: Node) -> list[Duty]:
    if node.engine is None:
        return []
    return [Duty(*duty) for duty in node.engine.duties()]


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
