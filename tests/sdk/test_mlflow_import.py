"""Stores that MLflow made (stores/make_store.py) come whole into the real application, and once."""

import json
import tarfile
from pathlib import Path

import pytest

from app.cli import main, mlflow_import
from app.sdk.client import Client
from app.sdk.mlflow_import import MlflowImport
from app.sdk.mlflow_stores.artifacts import Artifacts
from app.sdk.mlflow_stores.opening import open_store
from app.sdk.mlflow_stores.records import spans_of
from app.sdk.mlflow_stores.report import Report
from app.sdk.mlflow_stores.sending import Sender
from app.sdk.mlflow_stores.server import ServerStore
from app.sdk.mlflow_stores.state import State

STORES = Path(__file__).with_name("stores") / "stores.tar.gz"
API = "/api/2.0/mlflow"
# What the reading side does is the same on every registry.
on_one = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


class Stopped(Exception):
    """As if the process had ended here."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    with tarfile.open(STORES) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def client(alice) -> Client:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    return Client("http://testserver", token, transport=alice._transport)


def bring(client, uri, state=None, root=None, **options) -> dict:
    """Import and answer the report."""
    report = Report()
    store = open_store(str(uri), artifacts_root=root, workspace="default", note=report.note)
    try:
        sender = Sender(client.transport, is_dry=False)
        MlflowImport(store, sender, report, state or State(None), **options).run()
    finally:
        store.close()
    return report.as_json()


def counts(report: dict, name: str = "new") -> dict[str, int]:
    return {row["kind"]: row[name] for row in report["records"] if row[name]}


def trial(alice) -> dict:
    experiments = alice.post(f"{API}/experiments/search", json={"max_results": 9, "view_type": "ALL"}).json()
    ids = [one["experiment_id"] for one in experiments["experiments"]]
    asked = {"experiment_ids": ids, "filter": "attributes.run_name = 'trial 1'"}
    (found,) = alice.post(f"{API}/runs/search", json=asked).json()["runs"]
    return found


def history(alice, run_id: str, key: str) -> list[tuple]:
    answer = alice.get(f"{API}/metrics/get-history", params={"run_id": run_id, "metric_key": key}).json()
    return [(point["value"], int(point["timestamp"]), int(point["step"])) for point in answer["metrics"]]


WHOLE = {"experiment": 2, "run": 3, "logged model": 1, "trace": 2, "registered model": 3, "model version": 4}


@pytest.mark.parametrize(("settings", "kind"), [("sqlite", "database"), ("postgresql", "files")], indirect=["settings"])
def test_a_store_comes_whole_and_once(client, alice, stores, kind):
    uri, root = (stores / "files", None) if kind == "files" else (f"sqlite:///{stores}/mlflow.db", f"{stores}/mlruns")
    report = bring(client, uri, root=root)
    assert report["not_come"] == []
    assert counts(report) == WHOLE | {"experiment": counts(report)["experiment"]}
    run = trial(alice)
    info, run_id = run["info"], run["info"]["run_id"]
    assert (info["status"], info["user_id"]) == ("FINISHED", "ada")
    assert (int(info["start_time"]), int(info["end_time"])) == (1_700_000_000_000, 1_700_000_060_000)
    params = {one["key"]: one["value"] for one in run["data"]["params"]}
    assert params == {"learning_rate": "0.01", "optimizer/name": "adam", "empty": "", "text": "a\nb"}
    assert [point[2] for point in history(alice, run_id, "train/loss")] == list(range(25))
    assert ("NaN", 1_700_000_000_500, 0) in history(alice, run_id, "nan")
    assert history(alice, run_id, "down") == [("-Infinity", 1_700_000_000_500, -3)]
    (given,) = run["inputs"]["dataset_inputs"]
    assert (given["dataset"]["name"], len(given["tags"])) == ("digits", 2)
    path = f"/api/jobs/{run_id}/artifacts/content"
    assert alice.get(path, params={"path": "notes/ä b.txt"}).text == "hello\n"
    again = bring(client, uri, root=root)
    assert (counts(again), again["metric_points"], again["files"], again["not_come"]) == ({}, 0, 0, [])


@on_one
def test_the_registry_models_and_traces_come_with_their_links(client, alice, stores):
    bring(client, stores / "files")
    version = alice.get(f"{API}/registered-models/alias", params={"name": "digits-model", "alias": "champion"})
    found = version.json()["model_version"]
    assert (found["version"], found["current_stage"]) == ("2", "Production")
    run = trial(alice)
    (output,) = run["outputs"]["model_outputs"]
    assert found["source"] == f"models:/{output['model_id']}"
    prompt = alice.get(f"{API}/registered-models/get", params={"name": "greeting"}).json()["registered_model"]
    tags = {tag["key"]: tag["value"] for tag in prompt["tags"]}
    default = alice.get(f"{API}/experiments/get-by-name", params={"experiment_name": "Default"}).json()["experiment"]
    assert tags["_mlflow_experiment_ids"] == f",{default['experiment_id']},"
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": run["info"]["experiment_id"]}}
    traces = alice.post("/api/3.0/mlflow/traces/search", json={"locations": [place]}).json()["traces"]
    answered = next(one for one in traces if one["state"] == "OK")
    assert {one["assessment_name"] for one in answered["assessments"]} == {"correct", "expected"}
    assert answered["trace_metadata"]["mlflow.sourceRun"] == run["info"]["run_id"]
    whole = alice.get("/api/3.0/mlflow/traces/get", params={"trace_id": answered["trace_id"]}).json()["trace"]
    kinds = [_attribute(span, "mlflow.spanType") for span in whole["spans"]]
    assert sorted(kinds, key=str) == [{"string_value": "CHAIN"}, {"string_value": "LLM"}]


@on_one
def test_an_interrupted_import_goes_on(client, alice, stores, tmp_path):
    state = State(tmp_path / "state.sqlite")
    send, sent = client.transport.send, []

    def stopping(method: str, path: str, **options):
        sent.append(path)
        if len(sent) == 12:
            client.transport.send = send
            raise Stopped
        return send(method, path, **options)

    client.transport.send = stopping
    with pytest.raises(Stopped):
        bring(client, stores / "files", state)
    assert trial(alice)["info"]["status"] != "FINISHED"
    report = bring(client, stores / "files", state)
    assert (report["not_come"], trial(alice)["info"]["status"]) == ([], "FINISHED")
    client.transport.send = lambda method, path, **options: (sent.append(path), send(method, path, **options))[1]
    sent.clear()
    assert counts(bring(client, stores / "files", state)) == {}
    assert not [path for path in sent if path.startswith(("/api/imports/runs", "/api/imports/traces"))]


@on_one
def test_what_cannot_be_read_is_told_and_the_rest_comes(client, alice, stores, tmp_path):
    with tarfile.open(STORES) as archive:
        archive.extractall(tmp_path, filter="data")
    (broken,) = (tmp_path / "files").glob("*/*/tags/mlflow.parentRunId")
    experiment = broken.parent.parent.parent
    others = [one for one in experiment.iterdir() if len(one.name) == 32 and one != broken.parent.parent]
    (others[0] / "meta.yaml").write_text("run_id: [")
    (broken.parent.parent / "metrics" / "down").write_text("1700000000500 much -3\n")
    (broken.parent.parent / "artifacts" / "secret").symlink_to("/etc/passwd")
    report = bring(client, tmp_path / "files", wanted=["vision/digits"])
    why = [(one["ids"], one["why"]) for one in report["not_come"]]
    assert [(ids, said[:30]) for ids, said in why if ids == [others[0].name]] == [
        ([others[0].name], "its meta.yaml cannot be read: ")
    ]
    told = " ".join(said for _, said in why)
    assert "a point of metric down is not as MLflow writes it" in told
    assert "a link to a place outside" in told
    assert counts(report)["run"] == 2
    missing = bring(client, f"sqlite:///{stores}/mlflow.db")
    assert "--artifacts-root" in json.dumps(missing["not_come"])


@on_one
def test_a_server_is_read_as_the_folder_it_was_filled_from(client, alice, stores, monkeypatch):
    bring(client, stores / "files")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", alice.headers["Authorization"].removeprefix("Bearer "))
    notes: list = []
    server = ServerStore(
        "http://testserver", "default", Artifacts(None), lambda *note: notes.append(note), alice._transport
    )
    folder = open_store(str(stores / "files"), artifacts_root=None, workspace="default", note=lambda *note: None)
    for store in (server, folder):
        store.experiments = {one["experiment_id"]: one for one in store.all_experiments() if one["name"] != "digits"}
    read = {run["info"]["run_id"]: run for run in server.runs()}
    for run in folder.runs():
        same = read[run["info"]["run_id"]]
        assert _sorted(same["data"]["params"]) == _sorted(run["data"]["params"])
        assert {key: _unique(points) for key, points in server.points(same)} == {
            key: _unique(points) for key, points in folder.points(run)
        }
        if run["info"]["lifecycle_stage"] == "active":
            files = [
                {(file.path, b"".join(file.chunks())) for file in store.files(found)}
                for store, found in ((server, same), (folder, run))
            ]
            assert files[0] == files[1]
    assert sorted(len(trace["spans"]) for trace in server.traces()) == [1, 2], notes
    assert {one["name"] for one in server.registered_models()} == {"digits-model", "empty-model", "greeting"}
    assert notes == []


def _attribute(span: dict, key: str) -> dict:
    return next(one["value"] for one in span["attributes"] if one["key"] == key)


def _sorted(pairs: list[dict]) -> list[dict]:
    return sorted(pairs, key=lambda pair: pair["key"])


def _unique(points: list) -> set[tuple]:
    return {tuple(point) for point in points}


@on_one
def test_the_command_reads_all_and_writes_nothing_in_a_dry_run(client, alice, stores, monkeypatch, capsys):
    monkeypatch.setattr(mlflow_import, "connect", lambda options: client)
    command = ["import", "mlflow", "--from", str(stores / "files"), "--dry-run"]
    assert main.main([*command, "-o", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (counts(report)["run"], report["files"], report["dry_run"]) == (3, 7, True)
    assert alice.get(f"{API}/registered-models/search").json().get("registered_models", []) == []
    assert main.main([*command, "--experiment", "vision"]) == 1
    assert "no experiment vision. It has: Default, vision/digits, abandoned" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nowhere", "There is no folder nowhere"),
        (str(Path(__file__).parent), "is no file store of MLflow"),
        (__file__, "write sqlite:///"),
        (f"sqlite:///{__file__}", "cannot be read: file is not a database"),
        ("sqlite:///nowhere.db", "There is no file nowhere.db"),
        ("dbfs://x", "sqlite:///FILE, postgresql://"),
        ("http://127.0.0.1:9", "does not answer"),
    ],
)
def test_an_address_without_a_store_is_said_to_be_so(uri, said, capsys, monkeypatch):
    monkeypatch.setattr("app.sdk.mlflow_stores.http._WAITS", ())
    assert main.main(["import", "mlflow", "--from", uri]) == 1
    assert said in capsys.readouterr().err


def test_spans_of_mlflow_2_are_written_as_those_of_3():
    span = {
        "name": "f",
        "context": {"trace_id": "0x0a", "span_id": "0x0b"},
        "parent_id": None,
        "start_time": 1,
        "end_time": 2,
        "status_code": "OK",
        "status_message": "",
        "attributes": {"mlflow.spanType": '"LLM"'},
        "events": [{"name": "e", "timestamp": 1, "attributes": {}}],
    }
    (read,) = spans_of(json.dumps({"spans": [span], "request": "{}"}))
    assert (read["span_id"], read["status"]["code"]) == ("0b", "STATUS_CODE_OK")
    assert read["events"] == [{"name": "e", "time_unix_nano": 1, "attributes": {}}]
