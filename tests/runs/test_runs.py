"""Runs are moved, copied and deleted for good, one or many, and nothing that others need is lost."""

from sqlalchemy import func, select

from app.database import Base, reading
from app.jobs import discarding
from app.kit.storage import store
from app.runs import operations
from tests.dialects.calls import call, data_of, log, new_run
from tests.traces.calls import found as found_traces
from tests.traces.calls import start


def experiment(client, name: str, **fields) -> str:
    return call(client, "POST", "experiments/create", name=name, **fields)["experiment_id"]


def ended(client, run: str) -> str:
    call(client, "POST", "runs/update", run_id=run, status="FINISHED")
    return run


def info(client, run: str) -> dict:
    return call(client, "GET", "runs/get", run_id=run)["run"]["info"]


def put(client, run: str, path: str, text: str) -> None:
    uri = info(client, run)["artifact_uri"].removeprefix("mlflow-artifacts:/")
    answer = client.put(f"/api/2.0/mlflow-artifacts/artifacts/{uri}/{path}", content=text.encode())
    assert answer.status_code == 200, answer.text


def fetch(client, run: str, path: str) -> str:
    uri = info(client, run)["artifact_uri"].removeprefix("mlflow-artifacts:/")
    return client.get(f"/api/2.0/mlflow-artifacts/artifacts/{uri}/{path}").text


def files(client, run: str) -> list[str]:
    return [file["path"] for file in call(client, "GET", "artifacts/list", run_id=run).get("files", [])]


def whole(client, name: str = "whole", **tags) -> str:
    """A run with one of everything: params, a series, tags, a dataset, a file, a model and a trace."""
    run = new_run(client, run_name=name, tags=[{"key": key, "value": value} for key, value in tags.items()])
    call(client, "POST", "runs/log-parameter", run_id=run, key="lr", value="0.1")
    for step in range(3):
        log(client, run, "loss", 3 - step, step=step, timestamp=1 + step)
    dataset = {"name": "digits", "digest": "d1", "source_type": "local", "source": "{}"}
    call(client, "POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": []}])
    put(client, run, "notes/a.txt", "hello")
    model = {"experiment_id": info(client, run)["experiment_id"], "name": "net", "source_run_id": run}
    answer = client.post("/api/2.0/mlflow/logged-models", json=model)
    assert answer.status_code == 200, answer.text
    trace = {
        "trace_id": "tr-" + run,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": info(client, run)["experiment_id"]},
        },
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        "trace_metadata": {"mlflow.sourceRun": run},
    }
    answer = client.post("/api/3.0/mlflow/traces", json={"trace": {"trace_info": trace}})
    assert answer.status_code == 200, answer.text
    return run


def model_of(client, run: str) -> dict:
    found = client.post(
        "/api/2.0/mlflow/logged-models/search",
        json={"experiment_ids": [info(client, run)["experiment_id"]]},
    ).json()
    return next(model["info"] for model in found["models"] if model["info"]["source_run_id"] == run)


def traces_in(client, experiment_id: str) -> list[str]:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    found = client.post("/api/3.0/mlflow/traces/search", json={"locations": [place]}).json()
    return [trace["trace_id"] for trace in found.get("traces", [])]


def act(client, path: str, status: int = 200, /, **body) -> dict:
    answer = client.post(f"/api/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def counts() -> dict[str, int]:
    """Rows of every table but those that tell of what was done."""
    told = {"audit_records", "bulk_operations", "discarded_files", "access_tokens", "tokens"}
    with reading() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
            if table.name not in told
        }


def test_a_moved_run_keeps_its_id_files_and_all_that_it_logged(carol):
    target, run = experiment(carol, "elsewhere"), whole(carol)
    child = new_run(carol, tags=[{"key": "mlflow.parentRunId", "value": run}])
    before, uri, model = data_of(carol, run), info(carol, run)["artifact_uri"], model_of(carol, run)
    assert set(act(carol, f"jobs/{run}/move", experiment="elsewhere")["names"]) == {run, child}
    after = info(carol, run)
    assert after["experiment_id"] == target and after["artifact_uri"] == uri and data_of(carol, run) == before
    assert info(carol, child)["experiment_id"] == target
    assert fetch(carol, run, "notes/a.txt") == "hello"
    put(carol, run, "late.txt", "still written by its client")
    assert files(carol, run) == ["notes", "late.txt"]
    assert model_of(carol, run)["artifact_uri"] == model["artifact_uri"]
    assert traces_in(carol, target) == ["tr-" + run]
    found = call(carol, "POST", "runs/search", experiment_ids=[target], filter="params.lr = '0.1'")["runs"]
    assert [one["info"]["artifact_uri"] for one in found] == [uri]
    datasets = call(carol, "POST", "experiments/search-datasets", experiment_ids=[target])["dataset_summaries"]
    assert [one["name"] for one in datasets] == ["digits"]
    late = {"experiment_id": uri.split("/")[1], "name": "late", "source_run_id": run}
    told = carol.post("/api/2.0/mlflow/logged-models", json=late).json()["model"]["info"]
    assert told["experiment_id"] == target
    start(carol, "tr-late", trace_metadata={"mlflow.sourceRun": run})
    assert sorted(traces_in(carol, target)) == sorted(["tr-" + run, "tr-late"]) and found_traces(carol) == []
    act(carol, f"jobs/{run}/move", experiment="Default", children=False)
    assert info(carol, child)["experiment_id"] == target and info(carol, run)["artifact_uri"] == uri


def test_a_move_between_artifact_locations_leaves_the_files_where_they_are(carol):
    far = experiment(carol, "far", artifact_location="s3://bucket/far")
    run = call(carol, "POST", "runs/create", experiment_id=far)["run"]["info"]
    act(carol, f"jobs/{run['run_id']}/move", experiment="Default")
    assert info(carol, run["run_id"])["artifact_uri"] == run["artifact_uri"]
    near = new_run(carol)
    uri = info(carol, near)["artifact_uri"]
    act(carol, f"jobs/{near}/move", experiment="far")
    assert info(carol, near)["artifact_uri"] == uri
    refused = act(carol, f"jobs/{ended(carol, run['run_id'])}/copy", 400, experiment="Default")
    assert "s3://bucket/far" in refused["detail"]


def test_a_copy_is_a_run_of_its_own(carol):
    target, run = experiment(carol, "copies"), whole(carol, team="a")
    assert "Running" in act(carol, f"jobs/{run}/copy", 409, experiment="copies")["detail"]
    child = new_run(carol, tags=[{"key": "mlflow.parentRunId", "value": run}])
    ended(carol, child)
    ended(carol, run)
    copy, below = act(carol, f"jobs/{run}/copy", 201, experiment="copies")["names"]
    logged, original = data_of(carol, copy), data_of(carol, run)
    assert logged["metrics"] == original["metrics"] and logged["params"] == original["params"]
    assert logged["tags"] == original["tags"] | {"atelier.copiedFrom": run}
    assert data_of(carol, below)["tags"]["mlflow.parentRunId"] == copy
    history = call(carol, "GET", "metrics/get-history", run_id=copy, metric_key="loss")["metrics"]
    assert [point["value"] for point in history] == [3, 2, 1]
    assert info(carol, copy)["experiment_id"] == target and fetch(carol, copy, "notes/a.txt") == "hello"
    assert model_of(carol, copy)["model_id"] != model_of(carol, run)["model_id"]
    carol.delete(f"/api/jobs/{run}")
    discarding.delete_discarded()
    assert fetch(carol, copy, "notes/a.txt") == "hello"


def test_what_is_deleted_for_good_leaves_nothing_behind(carol, bob):
    before = counts()
    run = whole(carol)
    key = f"workspaces/1/tracking/{info(carol, run)['experiment_id']}"
    child = new_run(carol, tags=[{"key": "mlflow.parentRunId", "value": run}])
    assert "Stop it" in carol.delete(f"/api/jobs/{run}").json()["detail"]
    assert bob.delete(f"/api/jobs/{run}").status_code == 403
    act(carol, "bulk/cancel", names=[run, child])
    assert info(carol, run)["status"] == "KILLED"
    assert carol.delete(f"/api/jobs/{run}?children=true").json()["names"] == [run, child]
    call(carol, "GET", "runs/get", 404, run_id=run)
    after = counts()
    after["datasets"] -= 1
    assert after == before
    assert list(store().walk(f"{key}/{run}"))
    discarding.delete_discarded()
    assert not list(store().walk(f"{key}/{run}"))


def test_what_was_registered_from_a_deleted_run_stays_whole(carol):
    run = ended(carol, whole(carol))
    path = f"azureml://datastores/workspaceblobstore/paths/tracking/{info(carol, run)['experiment_id']}/{run}"
    body = {"name": "notes", "type": "uri_folder", "path": f"{path}/artifacts/notes"}
    assert carol.post("/api/data", json=body).status_code == 201
    put(carol, run, "model/MLmodel", "flavors: {}\n")
    registered = carol.post("/api/models", json={"name": "kept", "source": f"runs:/{run}/model"})
    assert registered.status_code == 201, registered.text
    assert carol.delete(f"/api/jobs/{run}").status_code == 200
    discarding.delete_discarded()
    root = f"workspaces/1/tracking/1/{run}/artifacts"
    assert [entry.path for entry in store().walk(root)] == ["notes/a.txt"]
    assert carol.get("/data/notes/versions/1/files").status_code == 200
    assert [file["path"] for file in carol.get("/api/models/kept/versions/1/files").json()["value"]]


def test_an_action_is_done_to_all_that_are_named_or_to_none(carol):
    one, two = new_run(carol, run_name="one"), new_run(carol, run_name="two")
    act(carol, "bulk/tag", names=[one, two], key="team", value="a")
    act(carol, "bulk/rename", names=[one, two], name="{n}: {name}")
    assert [info(carol, run)["run_name"] for run in (one, two)] == ["1: one", "2: two"]
    ended(carol, one)
    assert two in act(carol, "bulk/remove", 409, names=[one, two])["detail"]
    assert data_of(carol, one)["tags"]["team"] == "a"
    act(carol, "bulk/delete", names=[one])
    deleted = carol.get("/api/jobs?deleted=true").json()["value"]
    assert [job["name"] for job in deleted] == [one]
    experiment(carol, "other")
    assert one in act(carol, "bulk/move", 400, names=[two, one], experiment="other")["detail"]
    assert info(carol, two)["experiment_id"] == info(carol, one)["experiment_id"]
    act(carol, "bulk/restore", names=[one])
    act(carol, "bulk/untag", names=[one, two], key="team")
    assert "team" not in data_of(carol, two)["tags"]


def test_what_cannot_be_done_is_said_by_field(carol):
    for action, body, word in (
        ("move", {"names": ["x"], "experiment": "none"}, "'none'"),
        ("tag", {"names": [], "key": "a"}, "names"),
        ("tag", {"names": ["x"], "key": "a"}, "'x'"),
        ("rename", {"query": "", "name": " "}, "name"),
        ("tag", {"query": "page=one", "key": "a"}, "page"),
        ("burn", {"names": ["x"]}, "archive"),
    ):
        answer = carol.post(f"/api/bulk/{action}", json=body)
        assert answer.status_code in (400, 404) and word in answer.json()["detail"], answer.text


def test_many_are_done_by_a_worker_in_steps_and_what_refuses_is_told(carol, sent, monkeypatch):
    monkeypatch.setattr("app.runs.service.MOST_NAMED", 3)
    monkeypatch.setattr("app.runs.service.COPIED_AT_ONCE", 3)
    monkeypatch.setattr(operations, "STEP", 2)
    experiment(carol, "many")
    runs = [ended(carol, new_run(carol, run_name=f"r{index}")) for index in range(5)]
    going = new_run(carol, run_name="going")
    ended(carol, new_run(carol, run_name="child", tags=[{"key": "mlflow.parentRunId", "value": runs[0]}]))
    for action, body, done, refused in (
        ("copy", {"experiment": "many"}, 6, 1),
        ("remove", {}, 6, 1),
    ):
        made = act(carol, f"bulk/{action}", 202, query="experiment=Default&filter=attributes.run_name != 'x'", **body)
        assert sent[-1] == ("runs.bulk", (made["operation"]["id"],)) and made["operation"]["total"] == 7
        operations.run(made["operation"]["id"])
        told = carol.get(f"/api/bulk/operations/{made['operation']['id']}").json()
        assert (told["status"], told["done"], told["refused"]) == ("done", done, refused)
        assert going in told["refusals"][0]
    copies = carol.get("/api/jobs?experiment=many").json()["value"]
    assert sorted(job["display_name"] for job in copies) == ["child", "r0", "r1", "r2", "r3", "r4"]
    assert [job["name"] for job in carol.get("/api/jobs?experiment=Default").json()["value"]] == [going]
