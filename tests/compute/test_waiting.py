"""What a waiting job says of itself, and its turn as its user changes it."""

from datetime import timedelta

import pytest

from app.compute.estimate import start_after
from app.compute.tables import Compute, Queue
from app.database import transaction
from app.jobs.tables import Job
from app.kit.clock import now
from tests.compute.test_taking import add, end, join, submit, take

ONCE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def waiting(client, name) -> dict:
    return client.get(f"/api/jobs/{name}").json()["waiting"]


def has_run(name, seconds):
    with transaction() as session:
        job = session.query(Job).filter_by(name=name).one()
        job.status, job.started_at, job.ended_at = "Completed", now() - timedelta(seconds=seconds), now()


def test_a_job_says_what_it_waits_for_its_place_and_when_it_may_start(alice):
    submit(alice, "past")
    assert waiting(alice, "past")["reason"] == "No worker is here to run it."
    has_run("past", 120)
    worker = join(slots=1)
    submit(alice, "running")
    assert waiting(alice, "running")["starts_in_seconds"] == 0
    assert take(worker) == "running" and waiting(alice, "running") is None
    submit(alice, "a")
    submit(alice, "b")
    found = waiting(alice, "b")
    assert found["reason"] == "The only slot is in use by running, and 1 job of queue default goes first."
    assert found["place"] == 2 and found["runs_seconds"] == pytest.approx(120, abs=2)
    assert "atelier job priority -n b high" in [offer["command"] for offer in found["helps"]]
    listed = {job["name"]: job["waiting"] for job in alice.get("/api/jobs").json()["value"]}
    assert listed["a"]["place"] == 1 and listed["running"] is None
    assert "1 job of queue default goes first" in alice.get("/jobs/b").text
    assert "This job waits: it is number 2" in alice.get("/jobs/b/_waiting").text
    assert "The only slot is in use by running" in alice.get("/jobs").text
    alice.post("/jobs/b/priority", data={"priority": "high"})
    assert waiting(alice, "b")["place"] == 1


@ONCE
def test_memory_is_shared_out_among_the_jobs_of_a_worker(alice):
    worker = join(slots=3, memory=10 << 30)
    submit(alice, "large", resources={"docker_args": "-m 6g"})
    submit(alice, "larger", resources={"docker_args": "-m 5g"})
    submit(alice, "any")
    assert take(worker) == "large" and take(worker) is None
    reason = "It needs 5.0 GiB of memory and the most that a worker with a free slot has left is 4.0: large hold"
    assert waiting(alice, "larger")["reason"].startswith(reason)
    alice.post("/jobs/any/priority", data={"priority": "high"})
    # It states none, and so gets a third of 80 % of the machine.
    assert take(worker) == "any"
    assert "has left is 1.3: " in waiting(alice, "larger")["reason"]
    end("any")
    end("large")
    assert take(worker) == "larger"


def test_a_raised_priority_goes_first_and_is_audited(alice, bob):
    join(slots=1)
    submit(alice, "a")
    submit(alice, "b")
    assert bob.patch("/api/jobs/b", json={"priority": "high"}).status_code == 403
    assert alice.patch("/api/jobs/b", json={"priority": "high"}).json()["priority"] == "high"
    assert (waiting(alice, "b")["place"], waiting(alice, "a")["place"]) == (1, 2)
    assert alice.patch("/api/jobs/a", json={"queue": "nope"}).json()["target"] == "queue_settings.queue"
    alice.post("/api/jobs/a/cancel")
    assert alice.patch("/api/jobs/a", json={"priority": "low"}).status_code == 409


@ONCE
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"compute": "c"}, "Compute c runs 1 of its 1 instances, for first."),
        ({"queue_settings": {"queue": "night"}}, "Queue night uses 1 of its 1 slots, for second."),
        ({"resources": {"instance_count": 2}}, "It needs 2 slots at a time and 1 of 3 are free; they are kept"),
    ],
)
def test_the_limit_that_holds_a_job_is_named(alice, fields, reason):
    add(Compute(workspace_id=1, name="c", type="amlcompute", max_instances=1, created_by="alice"))
    add(Queue(name="night", weight=1, max_slots=1))
    worker = join(slots=3)
    submit(alice, "first", compute="c")
    submit(alice, "second", queue_settings={"queue": "night"})
    assert {take(worker), take(worker)} == {"first", "second"}
    submit(alice, "held", **fields)
    assert waiting(alice, "held")["reason"].startswith(reason)


def test_the_start_of_a_job_follows_from_what_is_before_it():
    assert start_after(2, [10, 30], []) == 10
    assert start_after(2, [10, 30], [5, 5, 5]) == 25
    assert start_after(4, [10], [7, 7]) == 0
    assert start_after(1, [3, 9], [1]) == 10
