"""Files of endpoints and deployments: all that Azure ML's have is taken, and what is none of it is named."""

import pytest

from app.kit.storage import store
from tests.endpoints.test_pages import served, wine  # noqa: F401

ENDPOINTS = "/api/online-endpoints"
CODE = "workspaces/1/uploads/code"
FULL = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
    "name": "blue_1",
    "endpoint_name": "wine",
    "type": "Managed",
    "model": "azureml:wine@latest",
    "code_configuration": {
        "code": "azureml://datastores/workspaceblobstore/paths/uploads/code",
        "scoring_script": "score.py",
    },
    "environment_variables": {"FOLDS": 5, "VERBOSE": True, "NOTHING": None},
    "tags": {"build": 7},
    "properties": {"cost": 1.5},
    "instance_type": "Standard_DS3_v2",
    "instance_count": 2,
    "app_insights_enabled": True,
    "egress_public_network_access": "Disabled",
    "model_mount_path": "/mnt/model",
    "request_settings": {"request_timeout_ms": 3000, "max_queue_wait_ms": 10},
    "liveness_probe": {"period": 5, "port": 5001, "path": "/"},
    "readiness_probe": None,
    "scale_settings": {"type": "Default"},
    "data_collector": {
        "collections": {"model_inputs": {"enabled": "True", "data": "azureml:inputs:1"}},
        "rolling_rate": "day",
        "sampling_rate": 0.25,
        "request_logging": {"capture_headers": ["x-user"]},
    },
    "private_network_connection": True,
}


@pytest.fixture
def endpoint(alice, wine) -> str:  # noqa: F811
    store().write_bytes(f"{CODE}/score.py", b"def init(): ...\ndef run(raw): ...\n")
    sent = {"name": "wine", "auth_mode": "Key", "tags": {"n": 1}, "location": "westeurope", "identty": {}}
    made = alice.post(ENDPOINTS, json=sent)
    assert made.status_code == 201, made.text
    assert (made.json()["auth_mode"], made.json()["tags"]) == ("key", {"n": "1"})
    assert made.json()["warnings"] == ["`identty` is not a field of an online endpoint; did you mean `identity`?"]
    return f"{ENDPOINTS}/wine"


def deploy(client, endpoint: str, status: int = 201, **changes) -> dict:
    answer = client.post(f"{endpoint}/deployments", json=FULL | changes)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_every_field_of_a_deployment_is_taken_and_values_become_text(alice, endpoint):
    made = deploy(alice, endpoint)
    assert made["warnings"] == []
    assert made["environment_variables"] == {"FOLDS": "5", "VERBOSE": "True", "NOTHING": ""}
    assert (made["tags"], made["properties"]) == ({"build": "7"}, {"cost": "1.5"})
    assert made["data_collector"]["collections"]["model_inputs"]["enabled"] is True
    assert made["data_collector"]["sampling_rate"] == 0.25
    assert made["code_configuration"]["scoring_script"] == "score.py"


def test_fields_that_do_not_exist_are_warned_of_wherever_they_stand(alice, endpoint):
    settings = {"request_timeout": 3000}
    collector = {"collections": {"model_inputs": {"enabled": True, "dta": "x"}}}
    made = deploy(alice, endpoint, instance_cout=2, request_settings=settings, data_collector=collector)
    assert [text.partition(";")[0] for text in made["warnings"]] == [
        "`instance_cout` is not a field of an online deployment",
        "`request_settings.request_timeout` is not a field of `request_settings`",
        "`data_collector.collections.model_inputs.dta` is not a field of a collection",
    ]
    assert "did you mean `request_settings.request_timeout_ms`?" in made["warnings"][1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"environment_variables": {"A": {"b": 1}}}, "environment_variables.A"),
        ({"scale_settings": {"type": "sometimes"}}, "scale_settings.type"),
        ({"request_settings": {"request_timeout_ms": "soon"}}, "request_settings.request_timeout_ms"),
        ({"data_collector": {"sampling_rate": 2}}, "data_collector.sampling_rate"),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(alice, endpoint, changes, field):
    refused = alice.post(f"{endpoint}/deployments", json=FULL | changes)
    assert refused.status_code == 400 and refused.json()["target"].endswith(field), refused.text


def test_instances_go_on_where_they_would_be_the_same(alice, endpoint):
    deploy(alice, endpoint, all_traffic=True)
    same = deploy(alice, endpoint, description="as before", instance_count=3, tags={"build": 8})
    assert {found["generation"] for found in same["instances"]} == {1}
    assert (len(same["instances"]), same["description"], same["tags"]) == (3, "as before", {"build": "8"})
    other = deploy(alice, endpoint, environment_variables={"FOLDS": 6})
    assert max(found["generation"] for found in other["instances"]) == 2


def test_an_endpoint_is_changed_by_its_file_and_what_cannot_change_is_said(alice, endpoint):
    deploy(alice, endpoint)
    file = {"name": "wine", "auth_mode": "key", "description": "red", "traffic": {"blue_1": "100"}, "tags": {"n": 2}}
    changed = alice.patch(endpoint, json=file | {"trafic": {}}).json()
    assert (changed["description"], changed["traffic"], changed["tags"]) == ("red", {"blue_1": 100}, {"n": "2"})
    assert "did you mean `traffic`?" in changed["warnings"][0]
    refused = alice.patch(endpoint, json=file | {"auth_mode": "aml_token"}).json()
    assert refused["target"] == "auth_mode" and "cannot be changed" in refused["detail"]
    # Said once more, the same traffic is no change to tell of.
    alice.patch(endpoint, json={"traffic": {"blue_1": 100}})
    page = alice.get("/w/default/endpoints/wine/trial").text
    assert page.count("blue_1 100 %") == 1
