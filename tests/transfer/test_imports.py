"""Records come in as they were elsewhere, once, and never over something else."""

import base64
import hashlib

import pytest

from tests.dialects.calls import call, data_of, new_run
from tests.traces.calls import OTEL_ID, TRACE
from tests.traces.calls import call as trace_call

RUN = "0123456789abcdef0123456789abcdef"
MODEL = "m-0123456789abcdef0123456789abcdef"


def post(client, path: str, record: dict, status: int = 200) -> dict:
    answer = client.post(f"/api/imports/{path}", json=record)
    assert answer.status_code == status, answer.text
    return answer.json()


def run_record(experiment: str, **info) -> dict:
    return {
        "info": {
            "run_id": RUN, "experiment_id": experiment, "run_name": "old", "user_id": "ada", "status": "FINISHED",
            "start_time": 1_600_000_000_123, "end_time": "1600000009456", "lifecycle_stage": "active", **info,
        },
        "data": {
            "params": [{"key": "lr", "value": "0.1"}],
            "tags": [{"key": "mlflow.runName", "value": "old"}, {"key": "team", "value": "red"}],
        },
        "inputs": {
            "dataset_inputs": [
                {"dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "x"}, "tags": []}
            ]
        },
        "outputs": {"model_outputs": [{"model_id": MODEL, "step": 3}]},
    }  # fmt: skip


def model_record(experiment: str) -> dict:
    metric = {"key": "acc", "value": "NaN", "timestamp": 5, "step": 1, "run_id": RUN}
    return {
        "info": {
            "model_id": MODEL, "experiment_id": experiment, "name": "net", "status": "LOGGED_MODEL_READY",
            "creation_timestamp_ms": 1_600_000_001_000, "source_run_id": RUN, "tags": [{"key": "a", "value": "b"}],
        },
        "data": {"params": [{"key": "p", "value": "1"}], "metrics": [metric]},
    }  # fmt: skip


@pytest.fixture
def experiment(carol) -> str:
    """Joined when it is sent once more."""
    record = {"name": "old", "tags": [{"key": "k", "value": "v"}], "creation_time": 1_500_000_000_001}
    made = post(carol, "experiments", record)
    assert made["created"] and post(carol, "experiments", record) == made | {"created": False}
    return made["id"]


def test_a_run_comes_in_parts_and_is_complete_at_the_end(carol, experiment):
    record = run_record(experiment)
    assert post(carol, "runs?partial=true", record)["created"]
    assert call(carol, "GET", "runs/get", run_id=RUN)["run"]["info"]["status"] == "SCHEDULED"
    series = {"loss": [[0.5, 10, 0], ["NaN", 11, 1], ["-Infinity", 12, 2]], "n": [[3, "10", "0"]]}
    assert post(carol, f"runs/{RUN}/metrics", series)["points"] == 4
    assert post(carol, f"runs/{RUN}/metrics", series | {"n": [[3, 10, 0], [4, 11, 1]]})["points"] == 1
    assert post(carol, "runs", record)["missing"] == [f"The model {MODEL} of the run {RUN} is not here."]
    assert post(carol, "logged-models?partial=true", model_record(experiment))["created"]
    assert not post(carol, "logged-models", model_record(experiment))["created"]
    assert post(carol, "runs", record) == {"id": RUN, "created": False, "missing": []}

    run = call(carol, "GET", "runs/get", run_id=RUN)["run"]
    shown = {name: run["info"][name] for name in ("run_name", "user_id", "status", "start_time", "end_time")}
    assert shown == {
        "run_name": "old", "user_id": "ada", "status": "FINISHED", "start_time": 1_600_000_000_123,
        "end_time": 1_600_000_009_456,
    }  # fmt: skip
    assert run["outputs"] == {"model_outputs": [{"model_id": MODEL, "step": 3}]}
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "d"
    assert data_of(carol, RUN)["metrics"] == {"loss": "-Infinity", "n": 4}
    history = call(carol, "GET", "metrics/get-history", run_id=RUN, metric_key="loss")["metrics"]
    assert [point["value"] for point in history] == [0.5, "NaN", "-Infinity"]
    model = carol.get(f"/api/2.0/mlflow/logged-models/{MODEL}").json()["model"]
    assert (model["info"]["status"], model["data"]["metrics"][0]["value"]) == ("LOGGED_MODEL_READY", "NaN")


def test_what_is_here_is_never_overwritten(carol, experiment):
    post(carol, "runs", run_record(experiment))
    other = post(carol, "runs", run_record(experiment, start_time=5), 409)
    assert "it started at 2020-09-13 12:26:40 UTC and not at 1970-01-01" in other["detail"]
    changed = run_record(experiment)
    changed["data"]["params"][0]["value"] = "0.2"
    assert "its parameter 'lr' is '0.1' and not '0.2'" in post(carol, "runs", changed, 409)["detail"]
    changed["data"] = {"params": [{"key": "new", "value": "1"}], "tags": [{"key": "team", "value": "blue"}]}
    assert not post(carol, "runs", changed)["created"]
    data = data_of(carol, RUN)
    assert (data["params"], data["tags"]["team"]) == ({"lr": "0.1", "new": "1"}, "red")
    own = new_run(carol)
    assert "another one" in post(carol, "runs", run_record(experiment, run_id=own), 409)["detail"]


def test_files_come_whole_once_and_as_their_digest_says(carol, experiment):
    post(carol, "runs?partial=true", run_record(experiment))
    where, body = f"/api/imports/runs/{RUN}/files", b"weights"
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {"Content-Digest": f"sha-256=:{digest}:"}
    assert carol.put(f"{where}/artifacts/m/w.bin", content=b"other", headers=headers).status_code == 400
    assert carol.get(where).json() == {"value": []}
    assert carol.put(f"{where}/artifacts/m/w.bin", content=body, headers=headers).json()["created"]
    assert not carol.put(f"{where}/artifacts/m/w.bin", content=body).json()["created"]
    assert carol.put(f"{where}/artifacts/m/w.bin", content=b"other").status_code == 409
    listed = carol.get(where, params={"digests": True}).json()["value"]
    assert listed == [{"path": "artifacts/m/w.bin", "size": 7, "sha256": hashlib.sha256(body).hexdigest()}]
    for path in ("artifacts/%2e%2e/x", "elsewhere/x", "artifacts"):
        assert carol.put(f"{where}/{path}", content=b"").status_code == 400


def trace_record(experiment: str) -> dict:
    span = {
        "trace_id": "CvdlGRbNQ92ESOshHIAxnA==", "span_id": "0000000000000001", "parent_span_id": None, "name": "call",
        "start_time_unix_nano": 1_600_000_000_000_000_000, "end_time_unix_nano": 1_600_000_001_000_000_000,
        "attributes": {"mlflow.spanType": '"LLM"'}, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""},
    }  # fmt: skip
    assessment = {
        "assessment_id": "a-1", "assessment_name": "good", "feedback": {"value": True},
        "source": {"source_type": "HUMAN", "source_id": "ada"}, "create_time": "2020-09-13T12:26:42.000Z",
        "last_update_time": "2020-09-13T12:26:42.000Z", "overrides": "a-0", "valid": False,
    }  # fmt: skip
    info = {
        "trace_id": TRACE, "trace_location": {"mlflow_experiment": {"experiment_id": experiment}}, "state": "OK",
        "request_time": "2020-09-13T12:26:40.000Z", "execution_duration": "1s", "tags": {"t": "1"},
        "trace_metadata": {"mlflow.sourceRun": RUN}, "assessments": [assessment],
    }  # fmt: skip
    return {"trace_info": info, "spans": [span]}


def test_traces_and_the_registry_come_with_what_hangs_on_them(carol, experiment):
    post(carol, "runs", run_record(experiment))
    carol.put(f"/api/imports/runs/{RUN}/files/artifacts/m/w.bin", content=b"weights")
    assert post(carol, "traces", trace_record(experiment))["created"]
    assert not post(carol, "traces", trace_record(experiment))["created"]
    whole = trace_call(carol, "GET", "/get", trace_id=TRACE)["trace"]
    assert [span["name"] for span in whole["spans"]] == ["call"]
    assert whole["trace_info"]["assessments"][0]["valid"] is False
    assert carol.get("/api/traces", params={"run": RUN}).json()["value"][0]["id"] == f"tr-{OTEL_ID}"

    model = {"name": "net", "creation_timestamp": 1, "aliases": [{"alias": "best", "version": "3"}]}
    assert post(carol, "registered-models", model)["missing"]
    version = {"name": "net", "version": "3", "source": f"runs:/{RUN}/m", "run_id": RUN, "creation_timestamp": 2}
    version |= {"current_stage": "Production", "aliases": ["best"], "user_id": "ada"}
    assert post(carol, "model-versions", version) == {"id": "net/3", "created": True, "missing": []}
    assert post(carol, "model-versions", version | {"creation_timestamp": 9}, 409)
    found = call(carol, "GET", "registered-models/alias", name="net", alias="best")["model_version"]
    assert (found["version"], found["current_stage"], found["run_id"]) == ("3", "Production", RUN)
    assert carol.get("/api/imports/model-versions/net/3/files").json()["value"] == [{"path": "w.bin", "size": 7}]


def test_importing_needs_the_right_and_leaves_a_record(alice, bob, carol, experiment):
    post(bob, "runs", run_record(experiment), 403)
    post(carol, "runs", run_record(experiment))
    records = alice.get("/api/audit", params={"target": RUN}).json()["value"]
    assert "jobs/transfer/write" in {record["action"] for record in records}
