"""The examples of a pipeline and a sweep, from the command line to their outputs."""

from tests.live.test_slice import _atelier

EXAMPLE = "examples/pipeline/pipeline.yml"


def test_the_example_runs_and_is_taken_over(server, environment):
    for name in ("line", "again"):
        answer = _atelier(server, "job", "create", "-f", EXAMPLE, "--name", name, "--stream")
        assert answer.returncode == 0, answer.stderr
        assert server.wait_for(name, seconds=150)["status"] == "Completed", server.job(name)["error"]
    assert "accuracies" in server.log("line_choose")
    nodes = server.client.get("/api/jobs/again/graph").json()["nodes"]
    assert "Step Train a classifier (logistic)  Completed  reused from line_logistic" in answer.stdout + answer.stderr
    assert [node["reused_from"] for node in nodes] == [
        f"line_{step}" for step in ("split", "logistic", "nearest", "choose")
    ]


def test_the_sweep_finds_its_best_trial(server, environment):
    smaller = ("--set", "limits.max_total_trials=2")
    answer = _atelier(server, "job", "create", "-f", "examples/sweep/sweep.yml", "--name", "tuned", *smaller)
    assert answer.returncode == 0, answer.stderr
    sweep = server.wait_for("tuned", seconds=150)
    assert sweep["status"] == "Completed", sweep["error"]
    trials = server.client.get("/api/jobs/tuned/trials", params={"sort": "objective"}).json()["value"]
    assert [trial["status"] for trial in trials] == ["Completed", "Completed"]
    assert sweep["properties"]["best_child_run_id"] == trials[0]["name"] and trials[0]["objective"] > 0.8
