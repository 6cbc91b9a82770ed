"""A worker looks for what there is to do, and does nothing else."""

import threading

import pytest

from workers import duties
from workers.node import Duty, Node, due
from workers.reconcile import unsent_tasks
from workers.serving.keeper import Keeper

JOB = {"yaml": "command: echo done\nenvironment: azureml://registries/azureml/environments/sklearn-1.5"}


@pytest.fixture
def node(settings, started):
    made = Node(settings, 1)
    yield made
    made.stop()


def test_any_registry_can_be_asked_for_what_every_duty_waits_for(node):
    waiting = {duty.name for duty in due(duties.of(node, Keeper(node)))}
    assert {"silent workers", "old uploads"} <= waiting
    assert waiting.isdisjoint({"take jobs", "schedules", "deliveries", "deployments", "lost jobs", "pipelines"})


def test_a_duty_rests_until_there_is_something_to_do(node, alice):
    done = threading.Semaphore(0)
    node.start(Duty("take", 1, done.release, unsent_tasks.is_due))
    assert done.acquire(timeout=10)
    assert not done.acquire(timeout=2.2)
    assert alice.post("/api/jobs", json=JOB).status_code == 201
    assert done.acquire(timeout=10)


def test_a_duty_that_fails_is_tried_again(node):
    tried = threading.Semaphore(0)

    def fail() -> None:
        tried.release()
        raise OSError("the registry is away")

    node.start(Duty("fail", 1, fail))
    assert tried.acquire(timeout=10)
    assert tried.acquire(timeout=10)
