"""Which job a worker takes next, and which jobs are refused at once."""

import pytest

from app.compute import service, taking
from app.compute.tables import Compute, JobNode, Queue
from app.database import transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job


def join(name="forge-1", slots=1, gpus=0, memory=8 << 30) -> int:
    devices = [{"index": index, "name": "NVIDIA H100", "memory_mb": 81559} for index in range(gpus)]
    facts = {"host": name, "pid": 1, "slots": slots, "processors": 4, "memory_bytes": memory, "gpus": devices}
    with transaction() as session:
        return service.join(session, name=name, **facts).id


def submit(client, name, **fields):
    answer = client.post("/api/jobs", json={"name": name, "command": "true", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def take(worker_id) -> str | None:
    with transaction() as session:
        job = taking.take(session, worker_id, 30)
        return job and job.name


def end(name):
    with transaction() as session:
        job = session.query(Job).filter_by(name=name).one()
        moves.move(session, job, Status.FAILED)


def add(*rows):
    with transaction() as session:
        session.add_all(rows)


def test_jobs_are_taken_by_priority_and_then_by_age_and_one_a_slot(alice):
    submit(alice, "low", queue_settings={"priority": "Low"})
    submit(alice, "first")
    submit(alice, "second", queue_settings={"job_tier": "Spot", "priority": "medium"})
    submit(alice, "urgent", queue_settings={"priority": "high"})
    worker = join(slots=1)
    for name in ("urgent", "first", "second", "low"):
        assert take(worker) == name
        assert take(worker) is None
        end(name)


def test_queues_get_slots_by_weight(alice):
    add(Queue(name="night", weight=1), Queue(name="day", weight=3))
    for number in range(8):
        submit(alice, f"n{number}", queue_settings={"queue": "night"})
        submit(alice, f"d{number}", queue_settings={"queue": "day"})
    worker = join(slots=8)
    taken = [take(worker) for _ in range(8)]
    assert sorted(name[0] for name in taken) == ["d"] * 6 + ["n"] * 2


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_compute_runs_no_more_than_its_instances(alice):
    add(Compute(workspace_id=1, name="cpu-cluster", type="amlcompute", max_instances=1, created_by="alice"))
    worker = join(slots=4)
    assert submit(alice, "a", compute="azureml:cpu-cluster")["warnings"] == []
    submit(alice, "b", compute="cpu-cluster", queue_settings={"priority": "high"})
    submit(alice, "c")
    assert [take(worker), take(worker), take(worker)] == ["b", "c", None]
    end("b")
    assert take(worker) == "a"


def test_a_job_of_several_instances_starts_on_all_or_none(alice):
    one, two = join("one", slots=2), join("two", slots=1)
    submit(alice, "small")
    submit(alice, "gang", resources={"instance_count": 3}, queue_settings={"priority": "low"})
    assert take(one) == "small"
    submit(alice, "late", queue_settings={"priority": "low"})
    assert take(one) is None and take(two) is None, "its slots are kept for the job that was first"
    end("small")
    assert take(two) == "gang"
    with transaction() as session:
        nodes = session.query(JobNode).order_by(JobNode.rank).all()
        assert [(node.rank, node.worker_id) for node in nodes] == [(0, two), (1, one), (2, one)]
    assert take(one) is None
    end("gang")
    assert take(one) == "late"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_each_job_has_gpus_of_its_own(alice):
    plain, rich = join("plain", slots=4), join("rich", slots=4, gpus=3)
    for name in ("a", "b"):
        submit(alice, name, resources={"docker_args": "--gpus 2"})
    submit(alice, "cpu")
    assert [take(rich), take(rich), take(rich)] == ["a", "cpu", None]
    with transaction() as session:
        assert session.query(Job).filter_by(name="a").one().devices == [0, 1]
    end("a")
    assert take(plain) is None and take(rich) == "b"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fields", "target", "words"),
    [
        ({"resources": {"instance_count": 3}}, "resources.instance_count", "is 3; the only worker can run 2"),
        ({"resources": {"docker_args": "--gpus 2"}}, "resources.docker_args", "asks for 2 GPUs; the worker with most"),
        ({"resources": {"docker_args": "-m 64g"}}, "resources.docker_args", "64.0 GiB of memory; the largest worker"),
        ({"queue_settings": {"queue": "dya"}}, "queue_settings.queue", "there is no queue 'dya'; there are: default"),
        ({"compute": "c", "resources": {"instance_count": 2}}, "resources.instance_count", "c has max_instances 1"),
    ],
)
def test_what_can_never_run_is_refused_with_its_field(alice, fields, target, words):
    add(Compute(workspace_id=1, name="c", type="amlcompute", max_instances=1, created_by="alice"))
    join(slots=2, gpus=1)
    answer = alice.post("/api/jobs", json={"command": "true", **fields})
    assert (answer.status_code, answer.json()["target"]) == (400, target)
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_an_unknown_compute_is_served_by_another_and_a_note_says_so(alice):
    (note,) = submit(alice, "a", compute="azureml:gpu-cluster")["warnings"]
    assert "no compute 'gpu-cluster'" in note and "runs on serverless" in note
    assert submit(alice, "b", compute="azureml:serverless")["warnings"] == []
    assert submit(alice, "c", compute="local")["warnings"] == []


def test_a_stopped_compute_starts_no_job_until_it_is_started(alice, bob):
    add(Compute(workspace_id=1, name="box", type="computeinstance", max_instances=1, created_by="alice"))
    submit(alice, "before", compute="azureml:box")
    worker = join(slots=3)
    assert take(worker) == "before"
    assert bob.post("/api/computes/box/stop").status_code == 403
    stopped = alice.post("/api/computes/box/stop").json()
    assert (stopped["state"], stopped["in_use"]) == ("Stopped", 1)
    noted = submit(alice, "held", compute="azureml:box")
    assert "box is stopped" in " ".join(noted["warnings"])
    end("before")
    submit(alice, "other")
    assert take(worker) == "other" and take(worker) is None
    waiting = alice.get("/api/jobs/held").json()["waiting"]
    assert waiting["reason"].startswith("Compute box is stopped") and waiting["starts_in_seconds"] is None
    assert waiting["helps"][0]["command"] == "atelier compute start -n box"
    assert 'data-status="Stopped"' in alice.get("/compute/named").text
    assert alice.post("/compute/named/box/start", data={}).status_code in (200, 303)
    assert take(worker) == "held"
    nodes = alice.get("/api/computes/box/nodes").json()
    assert [(node["node_id"], node["node_state"], node["run_id"]) for node in nodes] == [("forge-1", "running", "held")]
    used = {row["name"]: (row["current_value"], row["limit"]) for row in alice.get("/api/compute/usage").json()}
    assert used["Slots of all workers"] == (2, 3) and used["Slots of queue default"] == (2, -1)
