"""Runs and experiments by MLflow's REST API."""

import pytest

from tests.dialects.calls import ROOT, call, data_of, log, new_run, search


def test_the_default_experiment_is_called_0(alice):
    found = call(alice, "GET", "experiments/get", experiment_id="0")["experiment"]
    assert found["name"] == "Default"
    assert call(alice, "GET", "experiments/get", experiment_id=found["experiment_id"])["experiment"] == found


def test_an_experiment_is_created_renamed_tagged_deleted_and_restored(alice):
    made = call(alice, "POST", "experiments/create", name="one", tags=[{"key": "a", "value": "b"}])["experiment_id"]
    call(alice, "POST", "experiments/update", experiment_id=made, new_name="two")
    call(alice, "POST", "experiments/set-experiment-tag", experiment_id=made, key="c", value="d")
    found = call(alice, "GET", "experiments/get-by-name", experiment_name="two")["experiment"]
    assert found["tags"] == [{"key": "a", "value": "b"}, {"key": "c", "value": "d"}]
    call(alice, "POST", "experiments/delete", experiment_id=made)
    assert call(alice, "POST", "runs/create", 400, experiment_id=made)["error_code"] == "INVALID_PARAMETER_VALUE"
    names = call(alice, "POST", "experiments/search", max_results=10, view_type="DELETED_ONLY")["experiments"]
    assert [item["name"] for item in names] == ["two"]
    call(alice, "POST", "experiments/restore", experiment_id=made)
    taken = call(alice, "POST", "experiments/create", 400, name="two")
    assert taken["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_experiments_are_searched_by_name_tag_and_page(alice):
    for name in ("alpha", "beta", "gamma"):
        call(alice, "POST", "experiments/create", name=name, tags=[{"key": "team", "value": name[0]}])
    found = call(
        alice,
        "POST",
        "experiments/search",
        max_results=5,
        filter="name LIKE '%a' AND tags.team != 'b'",
        order_by=["name"],
    )
    assert [item["name"] for item in found["experiments"]] == ["alpha", "gamma"]
    first = call(alice, "POST", "experiments/search", max_results=3, order_by=["name ASC"])
    rest = call(
        alice, "POST", "experiments/search", max_results=3, order_by=["name ASC"], page_token=first["next_page_token"]
    )
    assert [item["name"] for item in first["experiments"] + rest["experiments"]] == [
        "Default",
        "alpha",
        "beta",
        "gamma",
    ]
    assert "next_page_token" not in rest


def test_a_run_holds_what_is_logged(alice):
    run = new_run(alice, run_name="first", start_time="1700000000000", tags=[{"key": "team", "value": "blue"}])
    metrics = [{"key": "loss", "value": 1 / (step + 1), "timestamp": 1000 + step, "step": step} for step in range(5)]
    call(
        alice,
        "POST",
        "runs/log-batch",
        run_id=run,
        metrics=metrics,
        params=[{"key": "lr", "value": "0.1"}],
        tags=[{"key": "x", "value": "y"}],
    )
    found = data_of(alice, run)
    assert found["metrics"] == {"loss": 0.2}
    assert found["params"] == {"lr": "0.1"}
    assert found["tags"] == {"team": "blue", "x": "y", "mlflow.runName": "first"}
    history = call(alice, "GET", "metrics/get-history", run_id=run, metric_key="loss")["metrics"]
    assert history == metrics


def test_the_latest_metric_is_that_of_the_highest_step(alice):
    run = new_run(alice)
    for step, value in ((5, 50), (3, 30), (5, 40), (4, 45)):
        log(alice, run, "m", value, step=step)
    assert data_of(alice, run)["metrics"] == {"m": 50}


def test_numbers_that_json_does_not_know_pass(alice):
    run = new_run(alice)
    for key, value in (("nan", "NaN"), ("up", "Infinity"), ("down", "-Infinity")):
        log(alice, run, key, value)
    assert data_of(alice, run)["metrics"] == {"nan": "NaN", "up": "Infinity", "down": "-Infinity"}
    assert call(alice, "GET", "metrics/get-history", run_id=run, metric_key="nan")["metrics"][0]["value"] == "NaN"


def test_a_history_is_paged_and_a_retry_counts_once(alice):
    run = new_run(alice)
    for _ in range(2):
        metrics = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(7)]
        call(alice, "POST", "runs/log-batch", run_id=run, metrics=metrics)
    steps, token = [], ""
    while token is not None:
        page = call(alice, "GET", "metrics/get-history", run_id=run, metric_key="m", max_results=3, page_token=token)
        steps += [point["step"] for point in page["metrics"]]
        token = page.get("next_page_token")
    assert steps == list(range(7))


def test_a_bulk_interval_spreads_over_the_steps(alice):
    runs = [new_run(alice) for _ in range(2)]
    for run in runs:
        metrics = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(1000)]
        call(alice, "POST", "runs/log-batch", run_id=run, metrics=metrics)
    found = call(alice, "GET", "metrics/get-history-bulk-interval", run_ids=runs, metric_key="m", max_results=10)[
        "metrics"
    ]
    for run in runs:
        steps = [point["step"] for point in found if point["run_id"] == run]
        assert 10 <= len(steps) <= 12 and (steps[0], steps[-1]) == (0, 999)
    part = call(
        alice, "GET", "metrics/get-history-bulk-interval", run_ids=runs[:1], metric_key="m", start_step=5, end_step=7
    )
    assert [point["step"] for point in part["metrics"]] == [5, 6, 7]


def test_a_parameter_keeps_its_value_and_a_batch_is_all_or_nothing(alice):
    run = new_run(alice)
    call(alice, "POST", "runs/log-parameter", run_id=run, key="p", value="1")
    call(alice, "POST", "runs/log-parameter", run_id=run, key="p", value="1")
    refused = call(
        alice,
        "POST",
        "runs/log-batch",
        400,
        run_id=run,
        params=[{"key": "p", "value": "2"}, {"key": "q", "value": "3"}],
        metrics=[{"key": "m", "value": 1, "timestamp": 1}],
    )
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE" and "'p'" in refused["message"]
    assert data_of(alice, run)["params"] == {"p": "1"} and data_of(alice, run)["metrics"] == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key": "", "value": 1, "timestamp": 1}, "'key'"),
        ({"key": "a*b", "value": 1, "timestamp": 1}, "a*b"),
        ({"key": "../a", "value": 1, "timestamp": 1}, "path"),
        ({"key": "x" * 251, "value": 1, "timestamp": 1}, "250"),
        ({"key": "a", "value": "many", "timestamp": 1}, "'value'"),
        ({"key": "a", "value": 1}, "'timestamp'"),
        ({"key": "a", "value": 1, "timestamp": 2**64}, "64 bits"),
        ({"key": "a", "value": True, "timestamp": 1}, "'value'"),
    ],
)
def test_a_wrong_metric_is_refused_with_the_field(alice, fields, said):
    answer = call(alice, "POST", "runs/log-metric", 400, run_id=new_run(alice), **fields)
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE" and said in answer["message"]


@pytest.mark.parametrize(("part", "count"), [("metrics", 1001), ("params", 101), ("tags", 101)])
def test_a_batch_has_its_limits(alice, part, count):
    items = [{"key": f"k{number}", "value": "1", "timestamp": 1} for number in range(count)]
    answer = call(alice, "POST", "runs/log-batch", 400, run_id=new_run(alice), **{part: items})
    assert f"Got {count} {part}" in answer["message"]


def test_tags_name_the_run_and_can_be_deleted(alice):
    run = new_run(alice, run_name="before")
    call(alice, "POST", "runs/set-tag", run_id=run, key="mlflow.runName", value="after")
    call(alice, "POST", "runs/set-tag", run_id=run, key="mlflow.note.content", value="what it is for")
    assert call(alice, "GET", "runs/get", run_id=run)["run"]["info"]["run_name"] == "after"
    job = alice.get(f"/api/jobs/{run}").json()
    assert (job["display_name"], job["description"]) == ("after", "what it is for")
    call(alice, "POST", "runs/delete-tag", run_id=run, key="mlflow.note.content")
    assert (
        call(alice, "POST", "runs/delete-tag", 404, run_id=run, key="none")["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    )


@pytest.mark.parametrize(("said", "status"), [("FINISHED", "Completed"), ("FAILED", "Failed"), ("KILLED", "Canceled")])
def test_a_run_ends_as_its_client_says_and_can_go_on(alice, said, status):
    run = new_run(alice)
    info = call(alice, "POST", "runs/update", run_id=run, status=said, end_time=1_800_000_000_000)["run_info"]
    assert (info["status"], info["end_time"]) == (said, 1_800_000_000_000)
    assert alice.get(f"/api/jobs/{run}").json()["status"] == status
    info = call(alice, "POST", "runs/update", run_id=run, status="RUNNING")["run_info"]
    assert info["status"] == "RUNNING" and "end_time" not in info


def test_a_deleted_run_takes_no_more_until_it_is_restored(alice):
    run = new_run(alice, run_name="r")
    call(alice, "POST", "runs/delete", run_id=run)
    assert search(alice) == [] and search(alice, run_view_type="DELETED_ONLY") == ["r"]
    refused = call(alice, "POST", "runs/log-metric", 400, run_id=run, key="m", value=1, timestamp=1)
    assert "deleted" in refused["message"]
    call(alice, "POST", "runs/restore", run_id=run)
    log(alice, run, "m", 1)
    assert search(alice) == ["r"]


def test_inputs_and_outputs_of_a_run_are_shown(alice):
    run = new_run(alice)
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    context = [{"key": "mlflow.data.context", "value": "training"}]
    for _ in range(2):
        call(alice, "POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": context}])
    model = call(alice, "POST", "logged-models", experiment_id="0", name="m", source_run_id=run)["model"]["info"][
        "model_id"
    ]
    call(alice, "POST", "runs/outputs", run_id=run, models=[{"model_id": model, "step": 3}])
    found = call(alice, "GET", "runs/get", run_id=run)["run"]
    assert found["inputs"]["dataset_inputs"] == [{"tags": context, "dataset": dataset}]
    assert found["outputs"]["model_outputs"] == [{"model_id": model, "step": 3}]
    summaries = call(alice, "POST", "experiments/search-datasets", experiment_ids=["0"])["dataset_summaries"]
    assert [(item["name"], item["context"]) for item in summaries] == [("d", "training")]


def test_an_unknown_call_and_bad_json_are_answered_in_mlflows_way(alice):
    assert alice.get(f"{ROOT}/nowhere").json()["error_code"] == "ENDPOINT_NOT_FOUND"
    answer = alice.post(f"{ROOT}/runs/create", content="{bad")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert call(alice, "GET", "runs/get", 404, run_id="none")["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_readers_read_and_strangers_see_nothing(alice, bob, stranger, anonymous):
    run = new_run(alice)
    assert call(bob, "GET", "runs/get", run_id=run)
    assert (
        call(bob, "POST", "runs/log-metric", 403, run_id=run, key="m", value=1, timestamp=1)["error_code"]
        == "PERMISSION_DENIED"
    )
    assert call(stranger, "GET", "runs/get", 404, run_id=run)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert call(anonymous, "GET", "runs/get", 401, run_id=run)["error_code"] == "UNAUTHENTICATED"


def test_workspaces_do_not_see_each_others_runs(alice):
    run = new_run(alice)
    assert alice.get(f"/w/other{ROOT}/runs/get", params={"run_id": run}).status_code == 404
    assert alice.get(f"/w/default{ROOT}/runs/get", params={"run_id": run}).status_code == 200
