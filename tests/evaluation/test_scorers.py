"""MLflow's calls about scorers."""

import json

from tests.evaluation.calls import JUDGE, call


def test_scorers_have_versions(alice, stranger):
    stranger.base_url = "http://testserver/w/other"
    call(alice, "POST", "scorers/register", experiment_id="0", name="polite", serialized_scorer=JUDGE)
    second = call(alice, "POST", "scorers/register", experiment_id="0", name="polite", serialized_scorer='{"x": 2}')
    call(alice, "POST", "scorers/register", experiment_id="0", name="brief", serialized_scorer='{"name": "brief"}')
    assert second["version"] == 2 and second["experiment_id"] == "1"

    def listed(client=alice, **fields):
        found = call(client, "GET", "scorers/list", **fields)["scorers"]
        return [(scorer["scorer_name"], scorer["scorer_version"]) for scorer in found]

    newest = [("brief", 1), ("polite", 2)]
    assert listed(experiment_id="0") == listed(experiment_ids=["1"]) == listed() == newest and listed(stranger) == []
    versions = call(alice, "GET", "scorers/versions", experiment_id="0", name="polite")["scorers"]
    assert [version["serialized_scorer"] for version in versions] == [JUDGE, '{"x": 2}']
    one = call(alice, "GET", "scorers/get", experiment_id="0", name="polite", version=1)["scorer"]
    assert one["serialized_scorer"] == JUDGE and one["scorer_id"] == second["scorer_id"]
    call(alice, "DELETE", "scorers/delete", experiment_id="0", name="polite", version=2)
    assert call(alice, "GET", "scorers/get", experiment_id="0", name="polite")["scorer"]["scorer_version"] == 1
    call(alice, "DELETE", "scorers/delete", 404, experiment_id="0", name="polite", version=2)
    call(alice, "DELETE", "scorers/delete", experiment_id="0", name="polite")
    said = call(alice, "GET", "scorers/get", 404, experiment_id="0", name="polite")
    assert said["error_code"] == "RESOURCE_DOES_NOT_EXIST" and "polite" in said["message"]


def test_what_no_scorer_can_be(alice):
    source = json.dumps({"ensemble": [{"call_source": "return 1"}]})
    gateway = json.dumps({"builtin_scorer_pydantic_data": {"model": "gateway:/chat"}})
    for name, content, status in (
        (" ", JUDGE, 400),
        ("a", "no", 400),
        ("a", "[]", 400),
        ("a", source, 400),
        ("a", gateway, 404),
    ):
        call(alice, "POST", "scorers/register", status, experiment_id="0", name=name, serialized_scorer=content)
    call(alice, "GET", "scorers/list", 400, experiment_id="0", experiment_ids=["0"])


def test_scoring_by_itself_is_only_for_models_behind_a_gateway(alice):
    made = call(alice, "POST", "scorers/register", experiment_id="0", name="polite", serialized_scorer=JUDGE)
    ask = {"experiment_id": "0", "name": "polite", "filter_string": "trace.status = 'OK'"}
    assert "gateway model" in call(alice, "PUT", "scorers/online-config", 400, sample_rate=0.5, **ask)["message"]
    call(alice, "PUT", "scorers/online-config", 400, sample_rate=2, **ask)
    call(alice, "PUT", "scorers/online-config", 400, sample_rate=0, **ask | {"filter_string": "color = 'red'"})
    kept = call(alice, "PUT", "scorers/online-config", sample_rate=0, **ask)["config"]
    found = call(alice, "GET", "scorers/online-configs", scorer_ids=[made["scorer_id"], "none"])
    assert found == {"configs": [kept]} and kept["filter_string"] == "trace.status = 'OK'"
    call(alice, "GET", "scorers/online-configs", 400)
