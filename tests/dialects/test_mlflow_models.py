"""Logged models and the registry by MLflow's REST API."""

import pytest

from tests.dialects.calls import call, new_run

FILES = "/api/2.0/mlflow-artifacts/artifacts"
MLMODEL = b"""
flavors:
  python_function: {loader_module: mlflow.sklearn}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "long", "name": "y"}]'
saved_input_example_info: {artifact_path: input_example.json, serving_input_path: serving.json, type: dataframe}
"""


@pytest.fixture
def logged(alice) -> dict:
    """The info of a logged model `net` with files, made by a run."""
    run = new_run(alice)
    params, tags = [{"key": "depth", "value": "3"}], [{"key": "team", "value": "blue"}]
    model = call(
        alice, "POST", "logged-models", experiment_id="0", name="net", source_run_id=run, params=params, tags=tags
    )
    info = model["model"]["info"]
    root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for name, content in (
        ("MLmodel", MLMODEL),
        ("data/weights", b"123"),
        ("serving.json", b'{"dataframe_split": {"data": [[1]]}}'),
    ):
        assert alice.put(f"{FILES}/{root}/{name}", content=content).status_code == 200
    return info


def test_a_logged_model_is_finalized_tagged_and_deleted(alice, logged):
    path = f"logged-models/{logged['model_id']}"
    assert logged["status"] == "LOGGED_MODEL_PENDING"
    ready = call(alice, "PATCH", path, model_id=logged["model_id"], status="LOGGED_MODEL_READY")["model"]
    assert ready["info"]["status"] == "LOGGED_MODEL_READY" and ready["data"]["params"] == [
        {"key": "depth", "value": "3"}
    ]
    call(alice, "PATCH", f"{path}/tags", tags=[{"key": "stage", "value": "late"}])
    call(alice, "DELETE", f"{path}/tags/team")
    call(alice, "DELETE", f"{path}/tags/team", 404)
    call(alice, "POST", f"{path}/params", model_id=logged["model_id"], params=[{"key": "width", "value": "4"}])
    found = call(alice, "GET", path)["model"]
    assert found["info"]["tags"] == [{"key": "stage", "value": "late"}]
    assert {item["key"] for item in found["data"]["params"]} == {"depth", "width"}
    files = call(alice, "GET", f"{path}/artifacts/directories")["files"]
    assert [item["path"] for item in files] == ["data", "MLmodel", "serving.json"]
    call(alice, "DELETE", path)
    assert call(alice, "GET", path, 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"filter": "name = 'net'"}, 1),
        ({"filter": "metrics.acc > 0.5"}, 1),
        ({"filter": "metrics.acc > 0.95"}, 0),
        ({"filter": "metrics.acc > 0.5", "datasets": [{"dataset_name": "test"}]}, 1),
        ({"filter": "metrics.acc > 0.5", "datasets": [{"dataset_name": "train"}]}, 0),
        ({"filter": "params.depth = '3' AND tags.team = 'blue'"}, 1),
        ({"filter": "status = 'LOGGED_MODEL_PENDING'"}, 2),
        ({"filter": "name LIKE 'oth%'"}, 1),
        ({"filter": "tags.team IS NULL"}, 1),
    ],
)
def test_logged_models_are_searched(alice, logged, search, found):
    call(alice, "POST", "logged-models", experiment_id="0", name="other")
    call(
        alice,
        "POST",
        "runs/log-metric",
        run_id=logged["source_run_id"],
        key="acc",
        value=0.9,
        timestamp=1,
        model_id=logged["model_id"],
        dataset_name="test",
        dataset_digest="d",
    )
    models = call(alice, "POST", "logged-models/search", experiment_ids=["0"], **search).get("models", [])
    assert len(models) == found


def test_logged_models_are_ordered_by_a_metric(alice):
    run = new_run(alice)
    for name, value in (("a", 1), ("b", 3), ("c", 2), ("d", None)):
        model = call(alice, "POST", "logged-models", experiment_id="0", name=name)["model"]["info"]["model_id"]
        if value:
            call(alice, "POST", "runs/log-metric", run_id=run, key="m", value=value, timestamp=1, model_id=model)
    order = [{"field_name": "metrics.m", "ascending": False}]
    first = call(alice, "POST", "logged-models/search", experiment_ids=["0"], order_by=order, max_results=3)
    rest = call(
        alice, "POST", "logged-models/search", experiment_ids=["0"], order_by=order, page_token=first["next_page_token"]
    )
    assert [item["info"]["name"] for item in first["models"] + rest["models"]] == ["b", "c", "a", "d"]


@pytest.mark.parametrize("form", ["models:/{model_id}", "{artifact_uri}", "runs:/{source_run_id}/net"])
def test_a_version_is_made_of_a_logged_model_however_it_is_named(alice, logged, form):
    call(alice, "POST", "registered-models/create", name="m")
    version = call(
        alice, "POST", "model-versions/create", name="m", source=form.format(**logged), run_id=logged["source_run_id"]
    )["model_version"]
    assert (version["version"], version["status"], version["run_id"]) == ("1", "READY", logged["source_run_id"])
    uri = call(alice, "GET", "model-versions/get-download-uri", name="m", version="1")["artifact_uri"]
    root = uri.removeprefix("mlflow-artifacts:/")
    assert [item["path"] for item in alice.get(FILES, params={"path": root}).json()["files"]] == [
        "data",
        "MLmodel",
        "serving.json",
    ]
    assert alice.get(f"{FILES}/{root}/data/weights").content == b"123"
    assert alice.put(f"{FILES}/{root}/data/weights", content=b"4").status_code == 400


def _version(client, logged, name: str = "m") -> str:
    made = call(client, "POST", "model-versions/create", name=name, source=f"models:/{logged['model_id']}")
    return made["model_version"]["version"]


def test_stages_move_and_archive_what_was_there(alice, logged):
    call(alice, "POST", "registered-models/create", name="m")
    first, second = _version(alice, logged), _version(alice, logged)
    call(alice, "POST", "model-versions/transition-stage", name="m", version=first, stage="production")
    moved = call(
        alice,
        "POST",
        "model-versions/transition-stage",
        name="m",
        version=second,
        stage="Production",
        archive_existing_versions=True,
    )["model_version"]
    assert moved["current_stage"] == "Production"
    assert (
        call(alice, "GET", "model-versions/get", name="m", version=first)["model_version"]["current_stage"]
        == "Archived"
    )
    latest = call(alice, "POST", "registered-models/get-latest-versions", name="m", stages=["Production"])[
        "model_versions"
    ]
    assert [item["version"] for item in latest] == [second]
    call(alice, "POST", "model-versions/transition-stage", 400, name="m", version=first, stage="Nirvana")


def test_aliases_name_one_version(alice, logged):
    call(alice, "POST", "registered-models/create", name="m")
    first, second = _version(alice, logged), _version(alice, logged)
    for version in (first, second):
        call(alice, "POST", "registered-models/alias", name="m", alias="champion", version=version)
    found = call(alice, "GET", "registered-models/alias", name="m", alias="champion")["model_version"]
    assert (found["version"], found["aliases"]) == (second, ["champion"])
    for reserved in ("latest", "v1", "a b"):
        call(alice, "POST", "registered-models/alias", 400, name="m", alias=reserved, version=first)
    call(alice, "DELETE", "registered-models/alias", name="m", alias="champion")
    call(alice, "GET", "registered-models/alias", 400, name="m", alias="champion")


def test_a_registered_model_is_tagged_renamed_searched_and_deleted(alice, logged):
    call(alice, "POST", "registered-models/create", name="one", description="d", tags=[{"key": "a", "value": "b"}])
    assert call(alice, "POST", "registered-models/create", 400, name="one")["error_code"] == "RESOURCE_ALREADY_EXISTS"
    version = _version(alice, logged, "one")
    call(alice, "POST", "model-versions/set-tag", name="one", version=version, key="k", value="v")
    call(alice, "POST", "registered-models/rename", name="one", new_name="two")
    call(alice, "POST", "registered-models/create", name="one")
    _version(alice, logged, "one")
    names = call(alice, "GET", "registered-models/search", filter="tags.a = 'b'")["registered_models"]
    assert [item["name"] for item in names] == ["two"]
    names = call(alice, "GET", "registered-models/search", order_by=["name DESC"], max_results=1)
    assert names["registered_models"][0]["name"] == "two" and names["next_page_token"]
    prompts = call(alice, "GET", "registered-models/search", filter="tags.`mlflow.prompt.is_prompt` != 'true'")
    assert len(prompts["registered_models"]) == 2
    found = call(
        alice, "GET", "model-versions/search", filter=f"run_id = '{logged['source_run_id']}'", order_by=["name"]
    )
    assert [(item["name"], item["version"]) for item in found["model_versions"]] == [("one", "1"), ("two", "1")]
    call(alice, "DELETE", "model-versions/delete", name="two", version=version)
    call(alice, "DELETE", "registered-models/delete", name="two")
    call(alice, "GET", "registered-models/get", 404, name="two")
    uri = call(alice, "GET", "model-versions/get-download-uri", name="one", version="1")["artifact_uri"]
    assert alice.get(f"{FILES}/{uri.removeprefix('mlflow-artifacts:/')}/MLmodel").content == MLMODEL


@pytest.mark.parametrize(
    "source", ["/etc", "runs:/none/model", "models:/m-0123", "s3://bucket/x", "mlflow-artifacts:/1/none/artifacts/m"]
)
def test_a_version_needs_files_that_are_there(alice, source):
    call(alice, "POST", "registered-models/create", name="m")
    answer = alice.post("/api/2.0/mlflow/model-versions/create", json={"name": "m", "source": source})
    assert answer.status_code in (400, 404) and "error_code" in answer.json()


def test_a_version_that_outlives_its_run_is_still_whole(alice, logged):
    call(alice, "POST", "registered-models/create", name="m")
    _version(alice, logged)
    root = logged["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert alice.delete(f"{FILES}/{root}").status_code == 200
    uri = call(alice, "GET", "model-versions/get-download-uri", name="m", version="1")["artifact_uri"]
    assert alice.get(f"{FILES}/{uri.removeprefix('mlflow-artifacts:/')}/data/weights").content == b"123"


def test_our_own_rest_shows_the_same_version(alice, logged):
    made = alice.post(
        "/api/models", json={"name": "m", "source": f"runs:/{logged['source_run_id']}/net", "tags": {"a": "b"}}
    )
    assert made.status_code == 201, made.text
    version = made.json()
    assert (version["type"], version["job"], version["version"]) == ("mlflow_model", logged["source_run_id"], "1")
    assert version["signature"]["inputs"] == [{"type": "double", "name": "x", "required": True}]
    assert version["input_example"] == {"dataframe_split": {"data": [[1]]}}
    assert alice.get("/api/models").json()["value"][0]["version"] == "1"
    assert alice.get("/api/models/m").json()["latest_version"] == "1"
    files = alice.get("/api/models/m/versions/1/files", params={"path": "data"}).json()["value"]
    assert files == [{"path": "data/weights", "is_dir": False, "size": 3}]
