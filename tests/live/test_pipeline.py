"""The example of a pipeline, from the command line to its outputs, and taken over when it is sent once more."""

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
