"""A sweep from its file to its best trial, with the workers' part played by moves."""

import pytest

from app.database import transaction
from app.jobs import moves
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.sdk.client import Client
from app.sweeps.courses import Courses
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


def test_a_sweep_shows_its_command_as_its_file_says_it(alice):
    made = submit(alice)
    assert made["command"] == "python train.py --lr ${{search_space.lr}} --depth ${{inputs.depth}}"
    assert "${{search_space.lr}}" in alice.get("/jobs/tune").text


@pytest.fixture
def look():
    """What a worker does again and again."""
    courses = Courses()

    def look() -> None:
        sweeps.reconcile(courses)

    return look


def submit(client, yaml=YAML):
    answer = client.post("/api/jobs", json={"yaml": yaml})
    assert answer.status_code == 201, answer.text
    sweeps.reconcile(Courses())
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


def test_a_grid_is_run_two_at_a_time_and_the_best_is_named(alice, look, sent):
    assert submit(alice)["status"] == "Running"
    look()
    assert [(trial["name"], trial["values"]) for trial in trials(alice)] == [
        ("tune_0", {"lr": 0.1}),
        ("tune_1", {"lr": 0.2}),
    ]
    assert [name for name, _ in sent] == ["jobs.run", "jobs.run"]
    assert alice.get("/api/jobs/tune").json()["inputs"] == {"depth": {"value": 3}}
    assert "Search space" in alice.get("/jobs/tune").text and "0.1, 0.2, 0.3" in alice.get("/jobs/tune").text
    child = alice.get("/api/jobs/tune_1").json()
    assert child["command"].endswith("--lr ${{inputs.lr}} --depth ${{inputs.depth}}")
    assert child["inputs"] == {"depth": {"value": 3}, "lr": {"value": 0.2}} and child["limits"] == {"timeout": 60}
    log_accuracy("tune_1", 0.9)
    end("tune_1")
    end("tune_0", Status.FAILED, error={"message": "Exit code 1."})
    look()
    assert alice.get("/api/jobs/tune").json()["status"] == "Running"
    log_accuracy("tune_2", 0.7)
    end("tune_2")
    look()
    ended = alice.get("/api/jobs/tune").json()
    assert ended["status"] == "Completed"
    assert ended["properties"] == {"best_child_run_id": "tune_1", "score": "0.9"}
    ordered = trials(alice, sort="objective")
    assert [trial["objective"] for trial in ordered] == [0.9, 0.7, None]
    assert ordered[-1]["error"]["message"] == "Exit code 1."
    page = alice.get("/jobs/tune/trials").text
    assert "tune_1" in page and "Exit code 1." in page and "from 8 completed trials on" in page
    assert "/jobs/tune/children" not in page and "sort=-objective" in page
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    client = Client("http://testserver", token, transport=alice._transport)
    told = "".join(change.text for change in client.follow_job("tune")).splitlines()
    assert told == [
        "Trial 0  Failed  lr=0.1  Exit code 1.",
        "Trial 1  Completed  accuracy 0.9 (best so far)  lr=0.2",
        "Trial 2  Completed  accuracy 0.7  lr=0.3",
    ]


def test_a_trial_that_falls_behind_is_stopped_and_says_why(alice, look):
    submit(alice, YAML + "early_termination: {type: bandit, slack_amount: 0.1}\n")
    log_accuracy("tune_0", 0.9)
    log_accuracy("tune_1", 0.5)
    look()
    stopped = trials(alice)[1]
    assert stopped["status"] == "CancelRequested"
    assert stopped["error"]["message"] == "Bandit policy: at interval 1 its best was 0.5, and the limit 0.8."
    assert "its best was 0.5, and the limit 0.8." in alice.get("/jobs/tune/trials").text


def test_a_look_reads_only_the_points_that_are_new(alice, look, monkeypatch):
    submit(alice, YAML + "early_termination: {type: bandit, slack_amount: 0.1, evaluation_interval: 2}\n")
    read = []
    since = metrics.history_since
    monkeypatch.setattr(metrics, "history_since", lambda *given: read.append(given[1:]) or since(*given))
    log_accuracy("tune_0", 0.9)
    log_accuracy("tune_1", 0.5)
    look()
    log_accuracy("tune_1", 0.6)
    look()
    assert [position for _, _, position in read] == [0, 0, 1, 1]
    stopped = trials(alice)[1]["error"]["message"]
    assert stopped == "Bandit policy: at interval 2 its best was 0.6, and the limit 0.8."


def test_cancel_ends_every_trial(alice, look):
    submit(alice)
    alice.post("/api/jobs/tune/cancel")
    look()
    assert alice.get("/api/jobs/tune").json()["status"] == "Canceled"
    assert {trial["status"] for trial in trials(alice)} == {"Canceled"}


def test_a_sweep_of_which_all_trials_fail_says_the_cause(alice, look):
    submit(alice, YAML.replace("0.2, 0.3", "0.2"))
    for name in ("tune_0", "tune_1"):
        end(name, Status.FAILED, error={"message": "Exit code 1: no data."})
    look()
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
        (
            "[0.1, 0.2, 0.3]",
            "[{rate: {type: uniform}}]",
            "`search_space.lr.values` holds a mapping, a nested search space, which grid sampling cannot take",
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
