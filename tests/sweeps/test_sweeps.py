"""A sweep from its file to its best trial, with the workers' part played by moves."""

import pytest

from app.database import transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.tracking import metrics
from app.tracking.metrics import Metric
from workers.reconcile import sweeps

YAML = """\
type: sweep
name: tune
trial:
  command: python train.py --lr ${{search_space.lr}} --depth ${{inputs.depth}}
  environment: azureml:pytorch-2.13-cpu@latest
inputs: {depth: 3}
sampling_algorithm: grid
search_space:
  lr: {type: choice, values: [0.1, 0.2, 0.3]}
objective: {goal: maximize, primary_metric: accuracy}
limits: {max_total_trials: 10, max_concurrent_trials: 2, timeout: 3600, trial_timeout: 60}
"""


def submit(client, yaml=YAML):
    answer = client.post("/api/jobs", json={"yaml": yaml})
    assert answer.status_code == 201, answer.text
    sweeps.reconcile()
    return answer.json()


def trials(client, **query):
    return client.get("/api/jobs/tune/trials", params=query).json()["value"]


def log_accuracy(name, *values):
    with transaction() as session:
        job = session.query(Job).filter_by(name=name).one()
        if job.status is Status.QUEUED:
            moves.move(session, job, Status.RUNNING)
        metrics.append(session, job.id, [Metric("accuracy", value, 0, step) for step, value in enumerate(values)])


def end(name, status=Status.COMPLETED, **changes):
    with transaction() as session:
        moves.move(session, session.query(Job).filter_by(name=name).one(), status, **changes)


def test_a_grid_is_run_two_at_a_time_and_the_best_is_named(alice, sent):
    assert submit(alice)["status"] == "Running"
    sweeps.reconcile()
    assert [(trial["name"], trial["values"]) for trial in trials(alice)] == [
        ("tune_0", {"lr": 0.1}),
        ("tune_1", {"lr": 0.2}),
    ]
    assert [name for name, _ in sent] == ["jobs.run", "jobs.run"]
    child = alice.get("/api/jobs/tune_1").json()
    assert child["command"].endswith("--lr ${{inputs.lr}} --depth ${{inputs.depth}}")
    assert child["inputs"] == {"depth": {"value": 3}, "lr": {"value": 0.2}} and child["limits"] == {"timeout": 60}
    log_accuracy("tune_1", 0.9)
    end("tune_1")
    end("tune_0", Status.FAILED, error={"message": "Exit code 1."})
    sweeps.reconcile()
    assert alice.get("/api/jobs/tune").json()["status"] == "Running"
    log_accuracy("tune_2", 0.7)
    end("tune_2")
    sweeps.reconcile()
    ended = alice.get("/api/jobs/tune").json()
    assert ended["status"] == "Completed"
    assert ended["properties"] == {"best_child_run_id": "tune_1", "score": "0.9"}
    ordered = trials(alice, sort="objective")
    assert [trial["objective"] for trial in ordered] == [0.9, 0.7, None]
    assert ordered[-1]["error"]["message"] == "Exit code 1."
    page = alice.get("/jobs/tune/trials")
    assert page.status_code == 200 and "tune_1" in page.text


def test_a_trial_that_falls_behind_is_stopped_and_says_why(alice):
    submit(alice, YAML + "early_termination: {type: bandit, slack_amount: 0.1}\n")
    log_accuracy("tune_0", 0.9)
    log_accuracy("tune_1", 0.5)
    sweeps.reconcile()
    stopped = trials(alice)[1]
    assert stopped["status"] == "CancelRequested"
    assert stopped["error"]["message"] == "Bandit policy: at interval 1 its best was 0.5, and the limit 0.8."


def test_cancel_ends_every_trial(alice):
    submit(alice)
    alice.post("/api/jobs/tune/cancel")
    sweeps.reconcile()
    assert alice.get("/api/jobs/tune").json()["status"] == "Canceled"
    assert {trial["status"] for trial in trials(alice)} == {"Canceled"}


def test_a_sweep_of_which_all_trials_fail_says_the_cause(alice):
    submit(alice, YAML.replace("0.2, 0.3", "0.2"))
    for name in ("tune_0", "tune_1"):
        end(name, Status.FAILED, error={"message": "Exit code 1: no data."})
    sweeps.reconcile()
    job = alice.get("/api/jobs/tune").json()
    assert job["status"] == "Failed"
    assert job["error"]["message"] == "No trial completed; tune_0 failed: Exit code 1: no data."


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (
            "type: choice, values: [0.1, 0.2, 0.3]",
            "type: uniform",
            "line 9, column 14: `search_space.lr.type` is 'uniform', which grid",
        ),
        ("search_space.lr", "search_space.rate", "line 4, column 12: `trial.command` uses `search_space.rate`"),
        ("goal: maximize", "goal: maximise", "line 10, column 19: `objective.goal` is 'maximise'; did you mean"),
        ("max_concurrent_trials: 2", "max_concurrent_trials: 20", "it may be at most max_total_trials, 10"),
        ("trial:\n", "trail:\n", "`trial` is missing; give `command` and `environment`"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_with_its_place(alice, wrong, right, said):
    answer = alice.post("/api/jobs", json={"yaml": YAML.replace(wrong, right)})
    assert answer.status_code == 422 or answer.status_code == 400
    assert said in answer.text.replace("\\u2019", "'"), answer.text
