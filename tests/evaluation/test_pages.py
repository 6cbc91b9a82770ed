"""Pages of evaluation datasets and scorers."""

import json

import pytest
from sqlalchemy import select

from app.database import reading
from app.evaluation.tables import EvaluationDataset, EvaluationRecord
from tests.dialects.calls import new_run
from tests.evaluation.calls import JUDGE, call, merge, new_dataset
from workers.reconcile import deleted_datasets

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_lists_say_how_to_begin(alice):
    assert "create_dataset" in alice.get("/evaluation").text and "make_judge" in alice.get("/evaluation/scorers").text
    assert "merge_records" in alice.get(f"/evaluation/datasets/{new_dataset(alice)}").text


def test_records_are_shown_and_found(alice):
    dataset = new_dataset(alice, "questions <b>", team="blue")
    source = {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}
    merge(
        alice, dataset,
        {"inputs": {"question": "<i>", "deep": {"a": 1}}, "outputs": "said", "expectations": {"answer": "42"},
         "tags": {"k": "v"}, "source": source},
        {"inputs": {"question": "ünder", "score": float("nan")}},
    )  # fmt: skip
    listed = alice.get("/evaluation?text=quest&experiment=Default&sort=-records").text
    assert "questions &lt;b&gt;" in listed and "blue" in listed
    assert "Nothing matches" in alice.get("/evaluation?text=none").text
    assert alice.get("/evaluation?sort=color").status_code == 400
    page = alice.get(f"/evaluation/datasets/{dataset}").text
    for shown in ("&lt;i&gt;", "deep", "&#34;a&#34;: 1", "said", "42", "/traces/tr-1", "ünder"):
        assert shown in page, shown
    found = alice.get(f"/evaluation/datasets/{dataset}?text=ünder").text
    assert "ünder" in found and "&lt;i&gt;" not in found and "1 of 1 records" in found
    assert alice.get("/api/evaluation/datasets?experiment=Default").json()["value"][0]["records"] == 2
    second = alice.get(f"/api/evaluation/datasets/{dataset}/records?size=1&page=2").json()
    assert second["value"][0]["inputs"] == {"question": "ünder", "score": "NaN"} and second["next_page"] is None


def test_runs_that_were_evaluated_with_a_dataset_are_named(alice):
    dataset, other = new_dataset(alice), new_dataset(alice)
    run = new_run(alice, run_name="judged run")
    read = {"name": "qa", "digest": "1", "source_type": "mlflow_evaluation_dataset"}
    log = {"run_id": run, "datasets": [{"dataset": read | {"source": json.dumps({"dataset_id": dataset})}}]}
    call(alice, "POST", "../../2.0/mlflow/runs/log-inputs", **log)
    assert "judged run" in alice.get(f"/evaluation/datasets/{dataset}").text
    assert "judged run" not in alice.get(f"/evaluation/datasets/{other}").text
    assert f'/evaluation/datasets/{dataset}">qa</a>' in alice.get(f"/jobs/{run}/_params").text


def test_scorers_are_shown_with_their_versions(alice):
    made = call(alice, "POST", "scorers/register", experiment_id="0", name="polite", serialized_scorer=JUDGE)
    strict = json.dumps({"builtin_scorer_class": "Guidelines", "builtin_scorer_pydantic_data": {"guidelines": ["be"]}})
    call(alice, "POST", "scorers/register", experiment_id="0", name="polite", serialized_scorer=strict)
    assert "Guidelines" in alice.get("/evaluation/scorers?text=pol&experiment=Default").text
    assert alice.get("/api/evaluation/scorers").json()["value"][0]["version"] == 2
    address = f"/evaluation/scorers/{made['scorer_id']}"
    assert "openai:/gpt" not in alice.get(address).text and "openai:/gpt" in alice.get(address + "?version=1").text
    assert alice.get(address + "?version=3").status_code == 404


def test_they_are_deleted_from_their_pages(browser, bob):
    dataset = new_dataset(browser)
    merge(browser, dataset, {"inputs": {"q": 1}})
    made = call(browser, "POST", "scorers/register", experiment_id="0", name="polite", serialized_scorer=JUDGE)
    for address in (f"/evaluation/datasets/{dataset}", f"/evaluation/scorers/{made['scorer_id']}"):
        assert "Delete" not in bob.get(address).text and bob.post(address + "/delete").status_code == 403
        assert browser.post(address + "/delete").status_code == 303
        assert browser.get(address).status_code == 404
    assert call(browser, "POST", "datasets/search") == {}
    deleted_datasets.reconcile()
    with reading() as session:
        assert session.scalars(select(EvaluationDataset.id)).all() == []
        assert session.scalars(select(EvaluationRecord.id)).all() == []
