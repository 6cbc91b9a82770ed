"""An experiment leaves as a bundle, and comes back whole, once, and the same byte for byte."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from app.cli import bundles as cli_bundles
from app.cli import main as cli
from app.sdk.bundle_export import fetch
from app.sdk.bundle_import import BundleImport
from app.sdk.bundles import Bundle
from app.sdk.client import Client
from app.sdk.errors import ClientError
from app.sdk.mlflow_stores.report import Report
from app.sdk.mlflow_stores.sending import Sender
from tests.dialects.calls import call, data_of
from tests.evaluation.calls import JUDGE, merge
from tests.evaluation.calls import call as evaluate
from tests.traces.calls import OTEL_ID, TRACE, attributes, export, span, start
from tests.traces.calls import call as trace_call

JOB = """
command: python train.py --token $API_TOKEN
code: CODE
experiment_name: déjà vu
environment_variables: {API_TOKEN: s3cr3t-value, SEED: "1"}
outputs: {model: {type: custom_model}}
"""

ON_SQLITE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def quiet(step: str, done: int, of: int | None) -> None:
    pass


def client_of(browser, workspace: str = "default") -> Client:
    token = browser.headers["Authorization"].removeprefix("Bearer ")
    return Client("http://testserver", token, workspace, transport=browser._transport)


def take(client: Client, file: Path, *experiments: str, runs: tuple[str, ...] = ()) -> bytes:
    fetch(client.transport, file, experiments, runs, quiet)
    return file.read_bytes()


def bring(client: Client, file: Path, sender: type[Sender] = Sender) -> Report:
    report = Report()
    with Bundle(file) as bundle:
        bundle.verify()
        BundleImport(bundle, sender(client.transport, is_dry=False), client.upload, report, quiet).run()
    return report


@pytest.fixture
def filled(alice, tmp_path) -> str:
    """The id of a run that has a bit of everything, in an experiment that is named like no file."""
    experiment = call(alice, "POST", "experiments/create", name="déjà vu", tags=[{"key": "k", "value": "ü"}])
    experiment_id = experiment["experiment_id"]
    parent, run = (
        call(
            alice, "POST", "runs/create", experiment_id=experiment_id, run_name=name, start_time=1_600_000_000_000 + at,
            tags=[{"key": "mlflow.source.git.repoURL", "value": "https://me:pa55@example.org/x"}],
        )["run"]["info"]["run_id"]
        for at, name in ((1, "parent"), (2, "child"))
    )  # fmt: skip
    call(alice, "POST", "runs/set-tag", run_id=run, key="mlflow.parentRunId", value=parent)
    points = [
        {"key": "loss", "value": value, "timestamp": at, "step": at} for at, value in enumerate((0.1, "NaN", 1e300))
    ]
    call(alice, "POST", "runs/log-batch", run_id=run, metrics=points, params=[{"key": "lr", "value": "0.1"}])
    call(alice, "POST", "runs/log-metric", run_id=run, key="loss", value="NaN", timestamp=1, step=1)
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    call(alice, "POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": []}])
    model = call(alice, "POST", "logged-models", experiment_id=experiment_id, name="net", source_run_id=run)
    model_id = model["model"]["info"]["model_id"]
    call(alice, "POST", "runs/outputs", run_id=run, models=[{"model_id": model_id, "step": 1}])
    metric = {"key": "acc", "value": 0.5, "timestamp": 1, "step": 1, "model_id": model_id}
    call(alice, "POST", "runs/log-batch", run_id=run, metrics=[metric])
    root = "/api/2.0/mlflow-artifacts/artifacts"
    alice.put(f"{root}/{experiment_id}/{run}/artifacts/plots/ä b.txt", content=b"plot" * 100_000)
    alice.put(f"{root}/{experiment_id}/models/{model_id}/artifacts/MLmodel", content=b"flavors: {}\n")
    call(alice, "PATCH", f"logged-models/{model_id}", status="LOGGED_MODEL_READY")
    call(alice, "POST", "runs/update", run_id=run, status="FINISHED", end_time=1_600_000_005_000)
    call(alice, "POST", "runs/delete", run_id=parent)
    call(alice, "POST", "registered-models/create", name="net", tags=[{"key": "t", "value": "1"}])
    for source in (f"mlflow-artifacts:/{experiment_id}/models/{model_id}/artifacts", f"runs:/{run}/plots"):
        call(alice, "POST", "model-versions/create", name="net", source=source, run_id=run)
    call(alice, "POST", "registered-models/alias", name="net", alias="best", version="1")
    whole = attributes(gen_ai__usage__input_tokens=3, x=0.5)
    export(alice, span(0, attributes=whole), span(1, 0), experiment=experiment_id)
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    start(alice, trace_location=place, trace_metadata={"mlflow.sourceRun": run}, tags={"mlflow.traceName": "ask"})
    feedback = {"assessment_name": "good", "feedback": {"value": True}, "source": {"source_type": "HUMAN"}}
    trace_call(alice, "POST", f"/{TRACE}/assessments", assessment=feedback)
    reviewed(alice, experiment_id)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("print('hello')\n")
    (tmp_path / "job.yml").write_text(JOB.replace("CODE", "src"))
    client_of(alice).create_job(tmp_path / "job.yml")
    return run


def reviewed(alice, experiment_id: str) -> None:
    """A queue with a question and a trace, an issue that the trace has, and a dataset of two examples."""
    place = {"experiment_id": experiment_id}
    fields = {"name": "Right?", "type": "FEEDBACK", "input": {"text": {}}} | place
    asked = evaluate(alice, "POST", "label-schemas/create", **fields)["label_schema"]
    fields = {"name": "Friday", "queue_type": "CUSTOM", "users": ["bob"], "schema_ids": [asked["schema_id"]]} | place
    queue = {"queue_id": evaluate(alice, "POST", "review-queues/create", **fields)["review_queue"]["queue_id"]}
    trace = f"tr-{OTEL_ID}"
    evaluate(alice, "POST", "review-queues/items/add", item_ids=[trace], **queue)
    evaluate(alice, "POST", "review-queues/items/set-status", item_id=trace, status="DECLINED", **queue)
    issue = evaluate(alice, "POST", "issues", name="Made up", description="x", severity="low", **place)["issue"]
    said = {"assessment_name": issue["issue_id"], "issue": {"issue_name": "Made up"}}
    trace_call(alice, "POST", f"/{trace}/assessments", assessment=said)
    for _ in range(2):
        evaluate(alice, "POST", "scorers/register", name="polite", serialized_scorer=JUDGE, **place)
    made = evaluate(alice, "POST", "datasets/create", name="qa", experiment_ids=[experiment_id], tags='{"k": "ü"}')
    examples = {"inputs": {"q": "ü"}, "outputs": float("nan")}, {"inputs": {"q": 2}, "expectations": {"a": [1]}}
    merge(alice, made["dataset"]["dataset_id"], *examples)


def contents(bundle: bytes) -> dict[str, str]:
    """What is in it, so that a test that fails shows where two differ."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as members:
        return {name: members.read(name).decode()[:20_000] for name in members.namelist()}


def test_there_and_back_is_the_same_byte_for_byte(alice, filled, second_server, tmp_path):
    here = client_of(alice)
    bundle = take(here, tmp_path / "a.atelier", "déjà vu")
    assert b"s3cr3t" not in bundle and b"pa55" not in bundle and b"mlflow-artifacts:" not in bundle
    same = bring(here, tmp_path / "a.atelier")
    assert (same.is_whole, same.reasons(), sum(same.new.values()), same.points, same.files) == (True, [], 0, 0, 0)
    assert take(here, tmp_path / "b.atelier", "déjà vu") == bundle

    moved = second_server()
    there = client_of(moved)
    came = bring(there, tmp_path / "a.atelier")
    assert (came.reasons(), came.new["run"], came.points) == ([], 3, 4)
    again = take(there, tmp_path / "c.atelier", "déjà vu")
    assert contents(again) == contents(bundle)
    assert again == bundle
    assert sum(bring(there, tmp_path / "a.atelier").new.values()) == 0
    assert take(there, tmp_path / "c.atelier", "déjà vu") == bundle

    run = call(moved, "GET", "runs/get", run_id=filled)["run"]
    assert (run["info"]["status"], run["info"]["end_time"]) == ("FINISHED", 1_600_000_005_000)
    parent = call(moved, "GET", "runs/get", run_id=data_of(moved, filled)["tags"]["mlflow.parentRunId"])["run"]
    assert (parent["info"]["lifecycle_stage"], parent["info"]["user_id"]) == ("deleted", "alice")
    best = call(moved, "GET", "registered-models/alias", name="net", alias="best")["model_version"]
    assert best["source"] == f"models:/{best['model_id']}"
    (job,) = there.jobs(status=["Canceled"])
    assert there.job(job["name"])["error"]["message"] == "The job was Queued when it was exported."
    assert moved.get("/api/traces", params={"run": filled}).json()["value"][0]["id"] == f"tr-{OTEL_ID}"
    issues = evaluate(moved, "POST", "issues/search", include_trace_count=True)["issues"]
    assert [(issue["name"], issue["trace_count"]) for issue in issues] == [("Made up", 1)]
    (dataset,) = evaluate(moved, "POST", "datasets/search")["datasets"]
    assert json.loads(dataset["profile"]) == {"num_records": 2}
    stolen = {"call_source": "import os"}
    record = {"scorer_id": "x", "experiment_id": "0", "name": "n", "versions": [
        {"version": 1, "content": json.dumps(stolen), "created_ms": 1, "created_by": "x"}
    ]}  # fmt: skip
    assert moved.post("/api/imports/scorers", json=record).status_code == 400


@ON_SQLITE
def test_one_run_leaves_alone(alice, filled, second_server, tmp_path):
    bundle = take(client_of(alice), tmp_path / "a.atelier", runs=(filled,))
    there = client_of(second_server())
    came = bring(there, tmp_path / "a.atelier")
    assert (came.new["run"], came.new["logged model"], came.new["trace"], came.new["model version"]) == (1, 1, 1, 2)
    assert take(there, tmp_path / "b.atelier", runs=(filled,)) == bundle


class Interrupted(Sender):
    """The connection is lost before the first file of a run."""

    def put(self, *_: object) -> None:
        raise ClientError("No server answers")


@ON_SQLITE
def test_another_workspace_of_the_same_server_gets_all_of_it(alice, filled, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli_bundles, "connect", lambda options: client_of(alice, options.workspace or "default"))
    file, arguments = str(tmp_path / "a.atelier"), ["--url", "http://testserver"]
    assert cli.main(["export", "déjà vu", "-o", file, *arguments]) == 0
    for new in ("new", "here_already"):
        assert cli.main(["import", "bundle", file, "-w", "other", "-o", "json", *arguments]) == 0
        report = json.loads(capsys.readouterr().out)
        counts = {record["kind"]: record[new] for record in report["records"]}
        assert counts == {
            "experiment": 1, "run": 3, "logged model": 1, "trace": 1, "question": 2, "review queue": 1, "issue": 1,
            "scorer": 1, "evaluation dataset": 1, "registered model": 1, "model version": 2,
        }  # fmt: skip
    here, there = (
        client_of(alice, workspace).transport.json("GET", "/api/2.0/mlflow/runs/get", params={"run_id": filled})
        for workspace in ("default", "other")
    )
    assert here["run"]["data"]["metrics"] == there["run"]["data"]["metrics"]
    assert here["run"]["outputs"] != there["run"]["outputs"]


@ON_SQLITE
def test_a_half_import_looks_like_one_and_goes_on(alice, filled, second_server, tmp_path):
    bundle = take(client_of(alice), tmp_path / "a.atelier", "déjà vu")
    moved = second_server()
    there = client_of(moved)
    with pytest.raises(ClientError):
        bring(there, tmp_path / "a.atelier", Interrupted)
    experiment = call(moved, "GET", "experiments/get-by-name", experiment_name="déjà vu")["experiment"]
    found = call(moved, "POST", "runs/search", experiment_ids=[experiment["experiment_id"]])["runs"]
    assert {run["info"]["status"] for run in found} == {"SCHEDULED"}
    assert bring(there, tmp_path / "a.atelier").is_whole
    assert take(there, tmp_path / "b.atelier", "déjà vu") == bundle


@ON_SQLITE
def test_what_is_another_run_stays_and_the_rest_comes(alice, filled, second_server, tmp_path):
    take(client_of(alice), tmp_path / "a.atelier", "déjà vu")
    moved = second_server()
    other = {"info": {"run_id": filled, "experiment_id": "0", "status": "FINISHED", "start_time": 5}}
    assert moved.post("/api/imports/runs", json=other).status_code == 200
    came = bring(client_of(moved), tmp_path / "a.atelier")
    assert any(f"A run {filled} is here already, and it is another one" in line for line in came.reasons())
    assert came.new["run"] == 2
    assert call(moved, "GET", "runs/get", run_id=filled)["run"]["info"]["start_time"] == 5


@ON_SQLITE
def test_who_may_not_see_the_workspace_gets_no_bundle(bob, stranger, anonymous):
    assert bob.get("/api/exports", params={"experiment": "Default"}).status_code == 200
    assert bob.get("/api/exports", params={"experiment": "nothing"}).status_code == 404
    assert bob.get("/api/exports").status_code == 400
    assert stranger.get("/api/exports", params={"experiment": "Default"}).status_code == 404
    assert anonymous.get("/api/exports", params={"experiment": "Default"}).status_code == 401


def rewritten(bundle: bytes, **changes) -> bytes:
    """A bundle with other members: `{name: content}`, None for one that is left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if changes.get(name, b"") is not None:
                new.writestr(name, changes.get(name) or old.read(name))
        for name in changes.keys() - set(old.namelist()):
            new.writestr(name, changes[name])
    return out.getvalue()


def packed(bundle: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("bundle.json", b" " * 10_000_000)
    return out.getvalue()


def with_link(bundle: bytes) -> bytes:
    out = io.BytesIO(bundle)
    with zipfile.ZipFile(out, "a") as members:
        link = zipfile.ZipInfo("runs/a/artifacts/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        members.writestr(link, "/etc/passwd")
    return out.getvalue()


def with_twice(bundle: bytes) -> bytes:
    out = io.BytesIO(bundle)
    with zipfile.ZipFile(out, "a") as members, pytest.warns(UserWarning, match="Duplicate"):
        members.writestr("runs.jsonl", "{}")
    return out.getvalue()


@ON_SQLITE
def test_what_is_no_whole_bundle_is_refused_before_anything_is_written(alice, tmp_path, capsys):
    bundle = take(client_of(alice), tmp_path / "a.atelier", "Default")
    hostile = {
        "no bundle": b"PK nothing",
        "not whole": bundle[:-30],
        "cannot be read: Bad CRC": bundle.replace(b'"Default"', b'"Deceive"'),
        "not as its checksum says": rewritten(bundle, **{"experiments.jsonl": b'{"name":"Deceive"}'}),
        "has no bundle.json": rewritten(bundle, **{"bundle.json": None}),
        "'extra' is not both in it and in its list": rewritten(bundle, extra=b"1"),
        "'runs.jsonl' is not both": rewritten(bundle, **{"runs.jsonl": None}),
        "bundle of version 2": rewritten(bundle, **{"bundle.json": b'{"format":"atelier-bundle","version":2}'}),
        "no name of a file in a bundle": rewritten(bundle, **{"runs/../../../etc/cron.d/x": b"1"}),
        "name of a file in a bundle": rewritten(bundle, **{"/etc/x": b"1"}),
        "is packed": packed(bundle),
        "no plain file": with_link(bundle),
        "is there twice": with_twice(bundle),
    }
    for why, content in hostile.items():
        (tmp_path / "bad.atelier").write_bytes(content)
        status = cli.main(["import", "bundle", str(tmp_path / "bad.atelier"), "--url", "http://127.0.0.1:9"])
        assert (status, why in (error := capsys.readouterr().err)) == (1, True), (why, error)
    assert cli.main(["import", "bundle", str(tmp_path / "a.atelier"), "--check"]) == 0
