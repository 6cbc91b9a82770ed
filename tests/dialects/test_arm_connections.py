"""Connections as azure-ai-ml defines, reads and deletes them."""

import pytest

PLACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default/connections"
OPEN_AI = {
    "category": "AzureOpenAi",
    "authType": "ApiKey",
    "target": "https://models.example.org",
    "credentials": {"key": "hidden"},
    "metadata": {"ApiVersion": "v1", "ResourceId": "/r", "team": "vision"},
}


def put(client, name: str, properties: dict, status: int = 200) -> dict:
    answer = client.put(f"{PLACE}/{name}", json={"properties": properties})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_connection_is_defined_read_and_deleted(alice):
    made = put(alice, "models", OPEN_AI)
    assert made == alice.get(f"{PLACE}/models").json()
    shown = made["properties"]
    assert (shown["category"], shown["authType"], shown["target"]) == ("AzureOpenAI", "ApiKey", OPEN_AI["target"])
    assert shown["metadata"] == OPEN_AI["metadata"] and shown["credentials"] == {}
    kept = alice.get("/api/connections/models").json()
    assert (kept["type"], kept["api_version"], kept["open_ai_resource_id"]) == ("azure_open_ai", "v1", "/r")
    put(alice, "code", {"category": "Git", "authType": "PAT", "target": "https://g", "credentials": {"pat": "p"}})
    assert [row["name"] for row in alice.get(PLACE).json()["value"]] == ["code", "models"]
    assert [row["name"] for row in alice.get(PLACE, params={"category": "git"}).json()["value"]] == ["code"]
    assert alice.delete(f"{PLACE}/code").status_code == 200 and alice.get(f"{PLACE}/code").status_code == 404


@pytest.mark.parametrize(
    ("sent", "type", "credentials"),
    [
        (
            {"category": "ADLSGen2", "authType": "SAS", "credentials": {"sas": "t"}},
            "azure_data_lake_gen2",
            {"sas": "t"},
        ),
        (
            {"category": "CognitiveService", "authType": "AAD", "metadata": {"Kind": "speech"}},
            "azure_speech_services",
            {},
        ),
        (
            {"category": "S3", "authType": "AccessKey", "credentials": {"accessKeyId": "i", "secretAccessKey": "s"}},
            "s3",
            {"accessKeyId": "i", "secretAccessKey": "s"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_secrets_are_told_by_a_call_of_their_own(alice, sent, type, credentials):
    shown = put(alice, "c", {"target": "https://t", **sent})["properties"]
    assert "s" not in shown["credentials"].values() and alice.get("/api/connections/c").json()["type"] == type
    assert shown["category"] == sent["category"] and shown["metadata"] == sent.get("metadata", {})
    told = alice.post(f"{PLACE}/c/listsecrets").json()["properties"]
    assert (told["authType"], told["credentials"]) == (sent["authType"], credentials)


def test_what_is_wrong_is_named_as_it_was_sent(alice):
    assert put(alice, "c", {**OPEN_AI, "category": "Fax"}, 400)["error"]["target"] == "properties.category"
    assert put(alice, "c", {**OPEN_AI, "authType": "Oath"}, 400)["error"]["target"] == "properties.authType"
