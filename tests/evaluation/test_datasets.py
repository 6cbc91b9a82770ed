"""MLflow's calls about evaluation datasets."""

import json

import pytest

from tests.evaluation.calls import call, merge, new_dataset, records


def test_the_same_inputs_are_one_record(alice):
    dataset = new_dataset(alice, team="blue", **{"mlflow.user": "ada"})
    first = {"inputs": {"q": "a", "n": 1}, "expectations": {"answer": "x"}, "source": {"source_type": "human"}}
    again = {"inputs": {"n": 1, "q": "a"}, "outputs": "y", "expectations": {"by": 2}, "tags": {"k": "v"}}
    other = {"inputs": {"q": "\x00\ud800", "score": float("nan")}, "source": {
        "source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}}  # fmt: skip
    assert merge(alice, dataset, first, other, other) == {"inserted_count": 2, "updated_count": 1}
    assert merge(alice, dataset, again) == {"inserted_count": 0, "updated_count": 1}
    one, two = records(alice, dataset)
    assert one["expectations"] == {"answer": "x", "by": 2} and one["outputs"] == "y" and one["tags"] == {"k": "v"}
    assert (one["source_type"], two["source_type"], two["source_id"]) == ("HUMAN", "TRACE", "tr-1")
    assert two["outputs"] == {} and two["created_by"] == "alice"
    shown = call(alice, "GET", f"datasets/{dataset}")["dataset"]
    assert json.loads(shown["profile"]) == {"num_records": 2} and shown["created_by"] == "ada"
    assert json.loads(shown["schema"]) == {
        "inputs": {"q": "string", "n": "integer", "score": "float"}, "outputs": "string",
        "expectations": {"answer": "string", "by": "integer"}, "version": "1.0",
    }  # fmt: skip
    gone = call(alice, "DELETE", f"datasets/{dataset}/records", dataset_record_ids=[one["dataset_record_id"], "dr-0"])
    assert gone == {"deleted_count": 1} and len(records(alice, dataset)) == 1


def test_records_come_in_pages(alice):
    dataset = new_dataset(alice)
    merge(alice, dataset, *[{"inputs": {"n": number}} for number in range(5)])
    seen, token = [], ""
    while True:
        page = call(alice, "GET", f"datasets/{dataset}/records", max_results=2, page_token=token)
        seen += [record["inputs"]["n"] for record in json.loads(page["records"])]
        if not (token := page.get("next_page_token", "")):
            break
    assert seen == [0, 1, 2, 3, 4]
    call(alice, "GET", f"datasets/{dataset}/records", 400, page_token="bm8=")


def test_datasets_are_found_tagged_and_used_in_experiments(alice, stranger):
    stranger.base_url = "http://testserver/w/other"
    first, second = new_dataset(alice, "Alpha", team="blue"), new_dataset(alice, "beta")
    experiment = call(alice, "POST", "../../2.0/mlflow/experiments/create", name="e")["experiment_id"]
    added = call(alice, "POST", f"datasets/{second}/add-experiments", experiment_ids=[experiment])["dataset"]
    assert experiment in added["experiment_ids"]

    def found(client=alice, **fields):
        return [dataset["name"] for dataset in call(client, "POST", "datasets/search", **fields).get("datasets", [])]

    assert found(order_by=["name ASC"]) == ["Alpha", "beta"] and found(stranger) == []
    assert found(experiment_ids=[experiment]) == ["beta"]
    assert found(filter_string="tags.team = 'blue'") == found(filter_string='name = "Alpha"') == ["Alpha"]
    assert found(filter_string="name IN ('beta')") == found(filter_string="name ILIKE 'BET%'") == ["beta"]
    page = call(alice, "POST", "datasets/search", max_results=1, order_by=["name DESC"])
    assert found(page_token=page["next_page_token"], order_by=["name DESC"]) == ["Alpha"]
    call(alice, "POST", f"datasets/{second}/remove-experiments", experiment_ids=[experiment])
    assert call(alice, "GET", f"datasets/{second}/experiment-ids")["experiment_ids"] == ["1"]
    call(alice, "PATCH", f"datasets/{first}/tags", tags=json.dumps({"team": 1, "none": None}))
    call(alice, "DELETE", f"datasets/{second}/tags/none")
    assert json.loads(call(alice, "GET", f"datasets/{first}")["dataset"]["tags"]) == {"team": "1"}
    call(alice, "DELETE", f"datasets/{first}")
    assert call(alice, "GET", f"datasets/{first}", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert found() == ["beta"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_wrong_is_named(alice, bob):
    dataset = new_dataset(alice)
    for wrong, said in (
        ({"inputs": 3}, "records[0].inputs"), (3, "records[0]"), ({"inputs": {}, "tags": []}, "records[0].tags"),
        ({"inputs": {}, "source": {"source_type": "MOON"}}, "TRACE, HUMAN"),
    ):  # fmt: skip
        assert said in merge(alice, dataset, wrong, status=400)["message"]
    for fields in (
        {"filter_string": "color = 'red'"}, {"filter_string": "created_time = 'x'"}, {"order_by": ["digest"]},
        {"filter_string": "created_by IN ('a')"}, {"max_results": 50_001},
    ):  # fmt: skip
        assert call(alice, "POST", "datasets/search", 400, **fields)["error_code"] == "INVALID_PARAMETER_VALUE"
    call(alice, "POST", "datasets/create", 400, name="x", tags="[]")
    call(alice, "POST", "datasets/create", 404, name="x", experiment_ids=["99"])
    call(bob, "DELETE", f"datasets/{dataset}", 403)
