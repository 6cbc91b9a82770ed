"""The queue's page, computes and queues by page, REST and file."""

from html import unescape

import pytest

from app.database import transaction
from app.jobs.tables import Job
from tests.compute.test_taking import join, submit, take
from tests.compute.test_waiting import waiting

ONCE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
CLUSTER = (
    "name: cpu-cluster\ntype: amlcompute\nsize: Standard_DS3_v2\nmin_instances: 0\nmax_instances: 2\nteir: dedicated\n"
)


def put(client, yaml):
    return client.post("/api/computes", content=yaml, headers={"Content-Type": "application/yaml"})


def test_the_queue_shows_who_uses_what_and_what_waits(alice, bob, stranger):
    worker = join(slots=2)
    submit(alice, "running", experiment_name="vision")
    assert take(worker) == "running"
    for number in range(3):
        submit(alice, f"waiting-{number}", experiment_name="vision", resources={"instance_count": 2})
    page = bob.get("/compute/queue").text
    assert "1 of 2" in page and "vision" in page and "waiting-2" in page
    assert "It needs 2 slots at a time and 1 of 2 are free" in page
    assert "Raise" not in page and 'name="priority"' not in page, "a reader changes nothing"
    assert 'name="priority"' in alice.get("/compute/_queue").text
    assert "waiting-0" not in stranger.get("/w/other/compute/queue").text
    assert "other workspaces" in stranger.get("/w/other/compute/queue").text


@ONCE
def test_a_queue_of_many_thousands_is_one_page(alice):
    join(slots=1)
    submit(alice, "last", queue_settings={"priority": "low"})
    with transaction() as session:
        job = session.query(Job).one()
        same = {"workspace_id": 1, "experiment_id": job.experiment_id, "status": "Queued", "created_by": "alice"}
        rows = [{**same, "name": f"j{n}", "display_name": f"j{n}", "queued_at": job.queued_at} for n in range(3000)]
        session.execute(Job.__table__.insert(), rows)
    assert waiting(alice, "last")["place"] == 3001
    assert "3,001" in alice.get("/compute/queue").text


def test_a_compute_is_made_from_azures_file_changed_and_deleted(alice, bob):
    assert put(bob, CLUSTER).status_code == 403
    made = put(alice, CLUSTER)
    assert made.status_code == 201 and made.json()["properties"]["size"] == "Standard_DS3_v2"
    assert "did you mean `tier`?" in made.json()["warnings"][0]
    assert put(alice, CLUSTER.replace("max_instances: 2", "max_instances: 3")).status_code == 200
    assert alice.get("/api/computes/cpu-cluster").json()["max_instances"] == 3
    changed = alice.patch("/api/computes/cpu-cluster", json={"max_instances": 1})
    assert changed.json()["max_instances"] == 1
    assert (
        "cpu-cluster" in bob.get("/compute/named").text
        and "azureml:cpu-cluster" in bob.get("/compute/named/cpu-cluster").text
    )
    submit(alice, "a", compute="azureml:cpu-cluster")
    assert alice.post("/compute/named/cpu-cluster/delete").status_code in (200, 303)
    assert alice.get("/api/computes/cpu-cluster").status_code == 404
    assert take(join(slots=1)) == "a"


@ONCE
def test_a_password_for_machines_is_not_kept(alice):
    file = "name: c\ntype: amlcompute\nssh_settings:\n  admin_username: me\n  admin_password: s3cr3t\n"
    made = put(alice, file)
    assert made.status_code == 201 and "line 5" in made.json()["warnings"][0]
    assert made.json()["properties"]["ssh_settings"] == {"admin_username": "me"}
    assert "s3cr3t" not in alice.get("/api/computes/c").text + alice.get("/compute/named/c").text


@ONCE
@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("name: c\ntype: amlcluster\n", "line 2, column 7: `type` is 'amlcluster'; did you mean `amlcompute`?"),
        ("name: my compute\ntype: amlcompute\n", "line 1, column 7: `name` is 'my compute'"),
        ("name: cc\ntype: amlcompute\nmin_instances: 3\n", "`min_instances` is 3; it may be at most max_instances, 1"),
        ("name: cc\ntype: amlcompute\nqueue: night\n", "There is no queue 'night'"),
    ],
)
def test_a_wrong_compute_file_is_told_with_its_place(alice, yaml, words):
    assert words in put(alice, yaml).json()["detail"]
    page = alice.post("/compute/named/new", data={"yaml": yaml})
    assert page.status_code == put(alice, yaml).status_code and words in unescape(page.text)


@ONCE
@pytest.mark.parametrize("kind", ["computeinstance", "virtualmachine", "kubernetes"])
def test_every_kind_of_azures_computes_is_taken(alice, kind):
    made = put(alice, f"name: mine\ntype: {kind}\n").json()
    assert made["type"] == kind and made["max_instances"] == (None if kind == "kubernetes" else 1)


def test_queues_are_changed_by_those_who_may_only(alice, carol):
    assert carol.put("/api/queues/night", json={"weight": 2}).status_code == 403
    assert alice.put("/api/queues/night", json={"weight": 2, "max_slots": 4}).json()["weight"] == 2
    assert alice.put("/api/queues/night", json={"weight": 0}).json()["target"] == "weight"
    submit(alice, "a", queue_settings={"queue": "night"})
    assert [(row["name"], row["waiting"]) for row in alice.get("/api/queues").json()] == [("default", 0), ("night", 1)]
    assert 'id="weight-night"' in alice.get("/compute/queue").text
    assert 'id="weight-night"' not in carol.get("/compute/queue").text
    assert alice.delete("/api/queues/default").status_code == 409
    assert alice.delete("/api/queues/night").status_code == 204
    assert alice.get("/api/jobs/a").json()["queue"] == "default"
