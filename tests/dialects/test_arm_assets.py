"""Data, models and components as Azure's client makes, lists, archives and numbers them."""

import pytest

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
STORED = "azureml://subscriptions/s/resourcegroups/g/workspaces/default/datastores/workspaceblobstore/paths/"


@pytest.fixture
def uploaded(alice):
    """The address of a folder that was uploaded."""
    alice.put("/blobs/default.blob.testserver/files/LocalUpload/abc/src/a.txt", content=b"a")
    return STORED + "LocalUpload/abc/src/"


def _put(client, path: str, **properties):
    return client.put(f"{WORKSPACE}/{path}", json={"properties": properties})


def _listed(client, path: str, **query) -> list[str]:
    return [found["name"] for found in client.get(f"{WORKSPACE}/{path}", params=query).json()["value"]]


def test_a_version_is_made_once_and_then_only_described(alice, uploaded):
    made = _put(alice, "data/d/versions/7", dataType="uri_folder", dataUri=uploaded, tags={"a": "1"})
    assert made.status_code == 201 and made.json()["properties"]["dataUri"] == uploaded.rstrip("/")
    again = _put(alice, "data/d/versions/7", dataType="uri_folder", dataUri=uploaded, tags={"a": "2"})
    assert again.status_code == 200 and again.json()["properties"]["tags"] == {"a": "2"}
    other = _put(alice, "data/d/versions/7", dataType="uri_folder", dataUri=STORED + "data/digits/1")
    assert other.status_code == 409 and other.json()["error"]["target"] == "properties.dataUri"
    container = alice.get(f"{WORKSPACE}/data/d").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("7", "8")
    assert alice.get("/api/data/d").json()["tags"] == {"a": "2"}


def test_assets_and_versions_are_archived_apart_and_listed_by_view(alice, uploaded):
    for version in ("1", "2"):
        _put(alice, f"data/d/versions/{version}", dataType="uri_folder", dataUri=uploaded)
    _put(alice, "data/d/versions/2", dataType="uri_folder", dataUri=uploaded, isArchived=True)
    assert _listed(alice, "data/d/versions") == ["1"]
    assert _listed(alice, "data/d/versions", listViewType="All") == ["2", "1"]
    assert _put(alice, "data/d", isArchived=True, dataType="uri_folder").json()["properties"]["isArchived"]
    assert "d" not in _listed(alice, "data")
    assert _listed(alice, "data", listViewType="ArchivedOnly") == ["d"]
    wrong = alice.get(f"{WORKSPACE}/data?listViewType=Some").json()["error"]
    assert wrong["target"] == "listViewType" and "ActiveOnly" in wrong["message"]


def test_lists_come_in_pages(alice, uploaded):
    for version in "123":
        _put(alice, f"data/d/versions/{version}", dataType="uri_folder", dataUri=uploaded)
    first = alice.get(f"{WORKSPACE}/data/d/versions", params={"$top": "2", "api-version": "x"}).json()
    assert [found["name"] for found in first["value"]] == ["3", "2"]
    path = first["nextLink"].partition("testserver")[2]
    rest = alice.get(path).json()
    assert "%24top=2" in path and "api-version=x" in path
    assert [found["name"] for found in rest["value"]] == ["1"] and "nextLink" not in rest
    forged = alice.get(f"{WORKSPACE}/data/d/versions?$skipToken=x")
    assert forged.status_code == 400 and forged.json()["error"]["code"] == "Invalid"


def test_a_model_has_its_own_files_and_flavors_that_can_be_iterated(alice, uploaded):
    made = _put(alice, "models/m/versions/3", modelUri=uploaded, modelType="custom_model").json()["properties"]
    assert made["flavors"] == {} and made["modelUri"] == STORED + "models/m/3"
    assert alice.get(f"{WORKSPACE}/models/m").json()["properties"]["nextVersion"] == "4"
    same = _put(alice, "models/m/versions/3", modelUri=made["modelUri"], description="better")
    assert same.json()["properties"]["description"] == "better"
    assert _put(alice, "models/m/versions/3", modelUri=STORED + "data/digits/1").status_code == 409
    missing = _put(alice, "models/n/versions/1", modelType="custom_model").json()["error"]
    assert missing["target"] == "properties.modelUri"


def test_versions_of_models_have_names_to_azures_clients_and_numbers_to_mlflows(alice, uploaded):
    named = _put(alice, "models/m/versions/1.0.0", modelUri=uploaded, modelType="custom_model")
    assert (named.status_code, named.json()["name"]) == (201, "1.0.0")
    assert named.json()["id"].endswith("/models/m/versions/1.0.0")
    assert _put(alice, "models/m/versions/v2", modelUri=uploaded, modelType="custom_model").status_code == 201
    again = _put(alice, "models/m/versions/1.0.0", modelUri=STORED + "data/digits/1")
    assert again.status_code == 409
    asset = alice.get(f"{WORKSPACE}/models/m").json()["properties"]
    assert (asset["latestVersion"], asset["nextVersion"]) == ("v2", "3")
    asked = {"name": "m", "version": "2"}
    assert alice.get("/api/2.0/mlflow/model-versions/get", params=asked).json()["model_version"]["version"] == "2"
    assert alice.get("/api/models/m/versions/2").json()["version"] == "v2"
    job = "command: ls ${{inputs.m}}\nenvironment: azureml:pytorch-2.13-cpu@latest\n"
    job += "inputs:\n  m: {type: custom_model, path: 'azureml:m:1.0.0'}\n"
    assert alice.post("/api/jobs", json={"yaml": job}).status_code == 201
    missing = alice.post("/api/jobs", json={"yaml": job.replace("1.0.0", "1.0.1")})
    assert missing.status_code == 404 and "it has v2, 1.0.0" in missing.json()["detail"]
    assert "Version 1.0.0" in alice.get("/models/m").text
    page = alice.get("/models/m/versions/1.0.0").text
    assert "MLflow: version 1" in page and "azureml:m:1.0.0" in page


def test_a_component_comes_back_with_name_and_version_in_its_specification(alice, uploaded):
    spec = {
        "$schema": "x", "_source": "YAML.COMPONENT", "name": "c", "version": "2", "type": "command", "command": "ls",
        "inputs": {"n": {"type": "integer", "default": 3}}, "code": uploaded,
    }  # fmt: skip
    made = _put(alice, "components/c/versions/2", componentSpec=spec, isAnonymous=False).json()["properties"]
    shown = made["componentSpec"]
    assert (shown["name"], shown["version"], shown["command"], shown["type"]) == ("c", "2", "ls", "command")
    assert _put(alice, "components/c/versions/2", componentSpec=spec).status_code == 200
    changed = _put(alice, "components/c/versions/2", componentSpec=spec | {"command": "pwd"})
    assert changed.status_code == 409 and "do not change" in changed.json()["error"]["message"]
    assert alice.get(f"{WORKSPACE}/components/c/versions/azureml_default").json()["name"] == "2"
    wrong = _put(alice, "components/x/versions/1", componentSpec=spec | {"command": None})
    assert wrong.status_code == 400 and "command" in wrong.json()["error"]["message"]


def test_who_may_only_read_makes_nothing(bob, uploaded):
    answer = _put(bob, "data/d/versions/1", dataType="uri_folder", dataUri=uploaded)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "Forbidden"


def test_a_datastore_is_defined_and_its_secret_is_told_by_an_audited_call_only(alice, bob):
    credentials = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "c2VjcmV0"}}
    blob = {"datastoreType": "AzureBlob", "accountName": "acct", "containerName": "box", "credentials": credentials}
    made = _put(alice, "datastores/lake", **blob)
    assert made.status_code == 201 and "c2VjcmV0" not in made.text
    shown = alice.get(f"{WORKSPACE}/datastores/lake").json()["properties"]
    assert (shown["accountName"], shown["credentials"]["credentialsType"]) == ("acct", "AccountKey")
    assert _listed(alice, "datastores") == ["workspaceblobstore", "lake"]
    secret = alice.post(f"{WORKSPACE}/datastores/lake/listSecrets", json={}).json()
    assert secret == {"secretsType": "AccountKey", "key": "c2VjcmV0"}
    assert bob.post(f"{WORKSPACE}/datastores/lake/listSecrets", json={}).status_code == 403
    wrong = _put(alice, "datastores/x", datastoreType="Tape").json()["error"]
    assert wrong["target"] == "properties.datastoreType" and "AzureBlob" in wrong["message"]
    assert alice.delete(f"{WORKSPACE}/datastores/lake").status_code == 200


def test_an_environment_is_registered_and_a_curated_one_is_there_under_its_names(alice):
    conda = "name: e\ndependencies:\n  - python=3.11\n  - pip:\n      - tomli==2.0.1\n"
    digest = "f" * 64
    unnamed = _put(alice, f"environments/CliV2AnonymousEnvironment/versions/{digest}", image="python:3.11")
    assert unnamed.json()["name"] == digest and _listed(alice, "environments") == []
    made = _put(alice, "environments/e/versions/1", image="python:3.11", condaFile=conda, isAnonymous=False)
    assert made.status_code == 201, made.text
    assert "tomli==2.0.1" in made.json()["properties"]["condaFile"]
    again = _put(alice, "environments/e/versions/1", image="python:3.11", condaFile=conda, tags={"a": "1"})
    assert again.status_code == 200 and again.json()["properties"]["tags"] == {"a": "1"}
    other = _put(alice, "environments/e/versions/1", image="python:3.11", condaFile=conda.replace("2.0.1", "2.0.0"))
    assert other.status_code == 409
    for name in ("pytorch-2.13-cpu", "azureml:pytorch-2.13-cpu", "AzureML-sklearn-1.5"):
        (newest,) = alice.get(f"{WORKSPACE}/environments/{name}/versions").json()["value"]
        assert newest["properties"]["environmentType"] == "Curated" and newest["name"] == "1"
    assert alice.get(f"{WORKSPACE}/environments/nowhere/versions").status_code == 404


def test_a_registry_is_found_filled_and_read(alice, bob, uploaded):
    alice.post("/api/registries", json={"yaml": "name: shared"}).raise_for_status()
    place = alice.get("/registrymanagement/v1.0/registries/shared/discovery").json()
    assert place["primaryRegionResourceProviderUri"].endswith("/") and place["registryName"] == "shared"
    _put(alice, "models/m/versions/1", modelUri=uploaded, modelType="custom_model")
    registry = f"/mferp/managementfrontend{WORKSPACE.partition('/workspaces')[0]}/registries/shared"
    asset = {"referenceType": "Id", "sourceAssetId": "azureml://locations/local/workspaces/1/models/m/versions/1"}
    assert bob.post(f"{registry}/import", json={"properties": asset}).status_code == 403
    shared = alice.post(f"{registry}/import", json={"properties": asset | {"destinationName": "n"}})
    assert shared.status_code == 200 and not shared.content, shared.text
    found = bob.get(f"{registry}/models/n/versions/1").json()
    assert found["id"] == "azureml://registries/shared/models/n/versions/1"
    assert [item["name"] for item in bob.get(f"{registry}/models").json()["value"]] == ["n"]
    assert bob.get(f"{registry}/data/n/versions?listViewType=ListViewType.ACTIVE_ONLY").json() == {"value": []}
    assert alice.get("/registrymanagement/v1.0/registries/none/discovery").json()["error"]["target"] == "name"
