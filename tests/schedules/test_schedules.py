"""Schedules over REST, and what the workers' duty does when they are due."""

from datetime import timedelta

from sqlalchemy import update

from app.access.tables import User
from app.database import transaction
from app.kit.clock import now
from app.schedules import service
from app.schedules.tables import Schedule
from workers.reconcile import schedules

JOB = """\
name: ignored
command: echo ${{inputs.day}} ${{inputs.rate}} ${{inputs.me}}
inputs: {day: "${{creation_context.trigger_time}}", rate: 1, me: "x-${{name}}"}
tags: {team: night}
environment: azureml:pytorch-2.13-cpu@latest
"""
YAML = """\
name: nightly
trigger: {type: cron, expression: "0 3 * * *", time_zone: W. Europe Standard Time}
create_job:
  type: command
  job: ./job.yml
  inputs: {rate: 2}
  tags: {by: schedule}
"""


def save(client, yaml=YAML, **uploads):
    return client.post("/api/schedules", json={"yaml": yaml, "uploads": uploads or {"./job.yml": JOB}})


def runs(client, name="nightly"):
    return client.get(f"/api/schedules/{name}/runs").json()["value"]


def was_due(ago, name="nightly"):
    with transaction() as session:
        times = {"next_at": now() - ago, "created_at": now() - timedelta(days=30)}
        session.execute(update(Schedule).where(Schedule.name == name).values(times))


def test_a_job_is_submitted_once_each_time_that_it_is_due(alice, sent):
    made = save(alice)
    assert made.status_code == 201, made.text
    assert made.json()["when"] == "every day at 03:00 (W. Europe Standard Time)" and len(made.json()["next_runs"]) == 5
    schedules.reconcile()
    assert runs(alice) == [] and sent == []
    was_due(timedelta(minutes=1))
    schedules.reconcile()
    schedules.reconcile()
    (run,) = runs(alice)
    assert (run["missed"], run["error"], run["status"]) == (0, None, "Queued")
    job = alice.get(f"/api/jobs/{run['job']}").json()
    assert job["name"].startswith("nightly-20") and job["properties"] == {"schedule": "nightly"}
    assert job["inputs"]["rate"] == {"value": 2} and job["inputs"]["me"] == {"value": f"x-{job['name']}"}
    assert job["inputs"]["day"]["value"].replace("-", "").replace(":", "") == job["name"].removeprefix("nightly-")
    assert job["tags"] == {"team": "night", "by": "schedule"} and job["created_by"] == "alice"
    assert alice.get("/api/schedules/nightly").json()["next_run"] > job["created_at"]


def test_of_two_workers_one_submits(alice):
    save(alice)
    was_due(timedelta(minutes=1))
    with transaction() as session:
        schedule = session.query(Schedule).one()
        seen = schedule.next_at
        session.expunge(schedule)
    schedules.reconcile()
    with transaction() as session:
        # The other worker read the row before this one moved it on.
        late = session.merge(schedule, load=False)
        assert late.next_at == seen
        service.fire(session, late.id, now())
    assert len(runs(alice)) == 1


def test_after_a_downtime_one_job_makes_up_for_all(alice):
    save(alice)
    was_due(timedelta(days=3, hours=1))
    schedules.reconcile()
    (run,) = runs(alice)
    assert run["missed"] in (3, 4) and run["missed_from"] < run["due_at"] < run["created_at"]
    page = alice.get("/schedules/nightly").text
    assert "earlier times had passed" in page and run["job"] in page


def test_a_job_of_the_server_is_run_again_with_changes(alice):
    assert alice.post("/api/jobs", json={"yaml": JOB.replace("ignored", "base")}).status_code == 201
    yaml = YAML.replace("./job.yml", "azureml:base").replace("  type: command\n", "")
    assert (
        save(alice, yaml.replace("rate: 2", "speed: 2"))
        .json()["detail"]
        .startswith("create_job.inputs.speed: job base has no such input; it has day, me, rate.")
    )
    assert save(alice, yaml).status_code == 201
    job = alice.post("/api/schedules/nightly/trigger").json()
    assert job["inputs"]["rate"] == {"value": 2} and job["inputs"]["me"] == {"value": f"x-{job['name']}"}
    assert job["tags"] == {"team": "night", "by": "schedule"} and job["command"].startswith("echo")
    again = alice.post("/api/schedules/nightly/trigger").json()
    assert again["name"] != job["name"] and [run["triggered_by"] for run in runs(alice)] == ["alice", "alice"]


def test_it_is_disabled_enabled_changed_and_deleted(alice, bob):
    save(alice)
    assert alice.post("/api/schedules/nightly/disable").json()["next_run"] is None
    was_due(timedelta(minutes=1))
    schedules.reconcile()
    assert runs(alice) == []
    assert alice.post("/api/schedules/nightly/enable").json()["is_enabled"] is True
    changed = save(alice, YAML.replace("0 3", "30 4"))
    assert changed.status_code == 200 and changed.json()["when"].startswith("every day at 04:30")
    assert bob.get("/api/schedules").json()["value"][0]["name"] == "nightly"
    assert bob.post("/api/schedules/nightly/trigger").status_code == 403
    assert alice.delete("/api/schedules/nightly").status_code == 204
    assert alice.get("/api/schedules/nightly").status_code == 404


def test_what_is_wrong_is_said_at_once_or_at_the_run(alice):
    broken = save(alice, **{"./job.yml": JOB.replace("command:", "comand:")})
    assert broken.status_code == 400 and broken.json()["detail"].startswith("create_job: job.yml line")
    assert "on your machine" in save(alice, **{"other.yml": JOB}).json()["detail"]
    over = save(alice, YAML.replace("time_zone: W.", "end_time: '2001-01-01T00:00:00', time_zone: W."))
    assert "it is never due" in over.json()["detail"]
    save(alice)
    with transaction() as session:
        session.execute(update(User).where(User.name == "alice").values(is_active=False))
    was_due(timedelta(minutes=1))
    schedules.reconcile()
    with transaction() as session:
        session.execute(update(User).where(User.name == "alice").values(is_active=True))
    (run,) = runs(alice)
    assert run["job"] is None and "may not submit jobs any more" in run["error"]


def test_pages_show_what_comes_in_its_time_zone_and_act(alice, bob):
    assert "No schedules yet" in alice.get("/schedules").text
    save(alice)
    listed = bob.get("/schedules").text
    assert "every day at 03:00" in listed and "Run now" not in bob.get("/schedules/nightly").text
    page = alice.get("/schedules/nightly").text
    assert "03:00" in page and "W. Europe Standard Time" in page and "Run now" in page
    ran = alice.post("/schedules/nightly/trigger")
    assert ran.status_code == 303 and "/jobs/nightly-" in ran.headers["location"]
    assert alice.post("/schedules/nightly/enable", data={"enabled": "false"}).status_code == 303
    assert "Disabled" in alice.get("/schedules/nightly").text
    wrong = alice.post("/schedules/new", data={"yaml": YAML.replace("0 3 * *", "0 3 *")})
    assert wrong.status_code == 400 and "has 4 fields" in wrong.text
    inline = "name: inline\ntrigger: {type: recurrence, frequency: hour, interval: 6}\ncreate_job: {command: echo 1}\n"
    assert alice.post("/schedules/new", data={"yaml": inline}).status_code == 303
    schedules.reconcile()
    assert len(runs(alice, "inline")) == 1
    assert alice.post("/schedules/inline/delete").status_code == 303
