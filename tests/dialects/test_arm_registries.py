"""What azure-ai-ml makes in a registry itself, and how it reads files out of one."""

from urllib.parse import urlsplit

import pytest

from app.access import queries, service
from app.database import transaction

RESOURCES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/registries"
REGISTRY = f"/mferp/managementfrontend{RESOURCES}/shared"


@pytest.fixture
def client(anonymous, started):
    """Alice with a personal token, as signed addresses are given for tokens only."""
    with transaction() as session:
        token = service.create_token(session, queries.get_user(session, "alice"), "laptop")[1]
    anonymous.headers["Authorization"] = f"Bearer {token}"
    assert anonymous.put(f"{RESOURCES}/shared", json={"location": "here", "properties": {}}).status_code == 201
    return anonymous


def upload(client, file: str, content: bytes) -> str:
    """The address of a file that was uploaded for the registry."""
    place = client.put(f"{REGISTRY}/tempdatarefs/m/versions/1", json={}).json()["blobReferenceForConsumption"]
    signed = urlsplit(place["credential"]["sasUri"])
    assert client.put(f"{signed.path}/{file}?{signed.query}", content=content).status_code == 201
    return f"{place['blobUri']}/{file}"


def test_a_model_is_uploaded_to_a_registry_and_read_from_it(client):
    uri = upload(client, "net/weights.bin", b"1234").rpartition("/")[0]
    version = f"{REGISTRY}/models/m/versions/1"
    made = client.put(version, json={"properties": {"modelUri": uri, "modelType": "custom_model"}})
    assert made.status_code == 202, made.text
    operation = urlsplit(made.headers["Azure-AsyncOperation"])
    assert client.get(operation.path).json()["status"] == "Succeeded"
    found = client.get(version).json()
    assert found["id"] == "azureml://registries/shared/models/m/versions/1"
    kept = found["properties"]["modelUri"]
    again = client.put(version, json={"properties": {"modelUri": kept, "tags": {"a": "b"}}})
    assert again.status_code == 202 and client.get(version).json()["properties"]["tags"] == {"a": "b"}
    signed = client.post(f"{REGISTRY}/datarefs/m/versions/1", json={"blobUri": kept}).json()
    container = urlsplit(signed["blobReferenceForConsumption"]["credential"]["sasUri"])
    prefix = urlsplit(kept).path.removeprefix(container.path + "/")
    query = container.query
    del client.headers["Authorization"]
    listed = client.get(f"{container.path}?comp=list&prefix={prefix}&{query}")
    assert f"<Name>{prefix}/weights.bin</Name>" in listed.text
    assert client.get(f"{container.path}/{prefix}/weights.bin?{query}").content == b"1234"
    assert client.get(f"{container.path}/shared/models/other/1/weights.bin?{query}").status_code == 403


def test_code_of_a_registry_is_found_by_components_there(client):
    uri = upload(client, "src/main.py", b"print()").rpartition("/")[0]
    assert client.put(f"{REGISTRY}/codes/c/versions/1", json={"properties": {"codeUri": uri}}).status_code == 202
    spec = {
        "type": "command",
        "command": "python main.py",
        "code": "azureml://registries/shared/codes/c/versions/1",
        "environment": "azureml://registries/azureml/environments/pytorch-2.13-cpu/labels/latest",
    }
    version = f"{REGISTRY}/components/run/versions/1"
    made = client.put(version, json={"properties": {"componentSpec": spec}})
    assert made.status_code == 202, made.text
    shown = client.get(version).json()["properties"]["componentSpec"]
    assert shown["code"] == "azureml:azureml://registries/shared/codes/c/versions/1"


def test_who_has_a_role_in_some_workspace_uses_registries_as_far_as_it_goes(client, stranger):
    """Stranger contributes to the workspace `other`, and has no role in `default`."""
    assert [row["name"] for row in stranger.get(RESOURCES).json()["value"]] == ["shared"]
    assert stranger.get(f"{REGISTRY}/models").json()["value"] == []
    upload = f"{REGISTRY}/tempdatarefs/m/versions/1"
    assert "in the workspace 'other'" in stranger.put(upload, json={}).json()["error"]["message"]
    with transaction() as session:
        role = queries.get_role(session, "Registry User")
        service.assign(session, queries.get_user(session, "stranger"), role, 2)
    place = stranger.put(upload, json={}).json()["blobReferenceForConsumption"]
    assert "/blobs/other.blob." in place["blobUri"]
    assert stranger.put(f"{RESOURCES}/mine", json={"properties": {}}).status_code == 403
    made = client.post("/api/registries", json={"yaml": "name: strict\nrequires_approval: true\n"})
    assert made.status_code == 201
    answer = stranger.put(upload.replace("shared", "strict"), json={})
    assert answer.status_code == 403 and "approves" in answer.json()["error"]["message"]


def test_curated_environments_are_those_of_the_registry_azureml(alice):
    curated = REGISTRY.replace("shared", "azureml")
    assert alice.get("/registrymanagement/v1.0/registries/azureml/discovery").json()["registryName"] == "azureml"
    names = [row["name"] for row in alice.get(f"{curated}/environments").json()["value"]]
    assert "pytorch-2.13-cpu" in names
    found = alice.get(f"{curated}/environments/{names[0]}/versions/1").json()
    assert found["id"] == f"azureml://registries/azureml/environments/{names[0]}/versions/1"
