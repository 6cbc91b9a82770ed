"""How Azure's clients find the server, get their tokens, and how answers to them look."""

import base64
import json

import pytest

from app.access import bearer, identity, queries, service
from app.database import transaction

WORKSPACE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{}?api-version=2099-01-01"
)


@pytest.fixture
def personal(started) -> str:
    """Alice's personal token."""
    with transaction() as session:
        return service.create_token(session, queries.get_user(session, "alice"), "laptop")[1]


def _minted(anonymous, personal: str, resource: str = "https://ml.azure.atelier") -> str:
    answer = anonymous.get("/msi/token", params={"resource": resource}, headers={"X-IDENTITY-HEADER": personal})
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert answer.json()["resource"] == resource
    return answer.json()["access_token"]


def test_a_personal_token_is_exchanged_for_a_jwt_that_ends_with_it(anonymous, alice, personal):
    token = _minted(anonymous, personal)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["aud"] == "https://ml.azure.atelier" and 0 < claims["exp"] - claims["iat"] <= 3600
    bearing = {"Authorization": f"Bearer {token}"}
    found = anonymous.get(WORKSPACE.format("default"), headers=bearing)
    assert found.status_code == 200 and found.json()["properties"]["discoveryUrl"].endswith("/discovery")
    with transaction() as session:
        service.revoke_token(session, queries.get_token(session, queries.get_user(session, "alice").id, claims["jti"]))
    refused = anonymous.get(WORKSPACE.format("default"), headers=bearing)
    assert refused.status_code == 401 and refused.json()["error"]["code"] == "Unauthenticated"


def test_a_jwt_that_was_changed_is_refused_and_none_is_renewed_by_itself(anonymous, personal):
    token = _minted(anonymous, personal)
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"jti": 1}
    forged = f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{signature}"
    for text in (forged, f"{head}.{body}.", "a.b.c"):
        assert anonymous.get("/api/jobs", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    again = anonymous.get("/msi/token", params={"resource": "r"}, headers={"X-IDENTITY-HEADER": token})
    assert again.status_code == 401 and again.json()["error"]["target"] == "X-IDENTITY-HEADER"


def test_a_client_secret_is_exchanged_too_and_the_exchange_is_audited(anonymous, alice, personal):
    form = {"grant_type": "client_credentials", "client_secret": personal, "scope": "https://a/.default openid"}
    found = anonymous.post("/adfs/oauth2/token", data=form).json()
    assert found["token_type"] == "Bearer" and bearer.read(found["access_token"]).audience == "https://a"
    wrong = anonymous.post("/adfs/oauth2/token", data=form | {"client_secret": "x"})
    assert wrong.status_code == 401 and wrong.json()["error"] == "invalid_client"


def test_addresses_are_read_in_any_case_and_the_workspace_in_them_counts(alice, stranger):
    address = WORKSPACE.format("default").replace("resourceGroups", "resourcegroups").replace("Microsoft", "microsoft")
    assert alice.get(address).json()["name"] == "default"
    assert stranger.get(address).status_code == 404
    assert stranger.get(WORKSPACE.format("other")).json()["name"] == "other"
    listing = WORKSPACE.format("").replace("/?", "?")
    assert [found["name"] for found in stranger.get(listing).json()["value"]] == ["other"]


def test_a_workspace_is_made_and_described_by_who_may(alice, carol):
    group = WORKSPACE.partition("/providers")[0]
    deployment = f"{group}/providers/Microsoft.Resources/deployments/lab-1"
    parameters = {"workspaceName": {"value": "lab"}, "friendlyName": {"value": "Lab"}, "kind": {"value": "default"}}
    sent = {"properties": {"template": {}, "parameters": parameters}}
    assert alice.get(group).json()["location"] == "local"
    assert carol.put(deployment, json=sent).status_code == 403
    assert alice.put(deployment, json=sent).json()["properties"]["provisioningState"] == "Succeeded"
    assert alice.get(f"{group}/deployments/lab-1/operations").json() == {"value": []}
    changed = {"properties": {"description": "Trials."}}
    assert carol.patch(WORKSPACE.format("default"), json=changed).status_code == 403
    shown = alice.patch(WORKSPACE.format("lab"), json=changed).json()["properties"]
    assert (shown["friendlyName"], shown["description"]) == ("Lab", "Trials.")
    listing = WORKSPACE.format("").replace("/?", "?")
    assert "lab" in [found["name"] for found in alice.get(listing).json()["value"]]
    assert alice.get(f"{listing}&kind=hub,project").json()["value"] == []
    parameters |= {"workspaceName": {"value": "hub"}, "kind": {"value": "hub"}}
    assert alice.put(deployment, json=sent).json()["error"]["target"] == "kind"


def test_what_atelier_has_not_is_told_with_what_stands_in_for_it(alice, stranger):
    for part, told in (
        ("featuresets/f/versions/1", "data assets"),
        ("outboundRules", "network"),
        ("listKeys", "token"),
        ("models/m/versions/1/package", "deploy"),
    ):
        answer = alice.post(WORKSPACE.format("default").replace("?", f"/{part}?"))
        assert answer.status_code == 501 and told in answer.json()["error"]["message"]
    location = "/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/local"
    assert "quotas" in stranger.get(f"{location}/quotas").json()["error"]["message"]
    assert stranger.get(f"{location}/vmSizes").json() == {"value": []}


def test_the_cloud_is_described_as_its_clients_read_it(anonymous):
    (cloud,) = anonymous.get("/metadata/endpoints?api-version=2019-05-01").json()
    assert cloud["name"] == "Atelier" and cloud["suffixes"]["storage"]
    assert cloud["authentication"]["loginEndpoint"] == cloud["resourceManager"]
    (secure,) = anonymous.get("https://testserver/metadata/endpoints").json()
    assert secure.keys() == cloud.keys()
    assert secure["resourceManager"] == "https://testserver"


def test_a_token_of_stored_files_opens_nothing_else(anonymous, alice, personal):
    bearing = {"Authorization": f"Bearer {personal}"}
    address = WORKSPACE.format("default").replace("?", "/datastores/workspaceblobstore/listSecrets?")
    query = anonymous.post(address, headers=bearing).json()["sasToken"]
    signature = query.rpartition("sig=")[2]
    assert anonymous.get("/api/data", headers={"Authorization": f"Bearer {signature}"}).status_code == 401
    identity.forget()
    listed = anonymous.get(f"/blobs/default.blob.host/files?restype=container&comp=list&prefix=data/&{query}")
    assert "<Name>data/digits/1/digits.csv</Name>" in listed.text
    for account in ("other", "missing"):
        assert anonymous.get(f"/blobs/{account}.blob.host/files?comp=list&{query}").status_code == 404
    denied = anonymous.put(f"/blobs/default.blob.host/files/data/digits/1/digits.csv?{query}", content=b"x")
    assert denied.status_code == 403 and denied.headers["x-ms-error-code"] == "AuthorizationFailure"


def test_mlflow_finds_a_workspace_by_the_address_that_azure_gives_it(alice, stranger):
    """Notebooks read subscription, group and workspace from the tracking URI."""
    for client, name in ((alice, "default"), (stranger, "other")):
        told = client.get(WORKSPACE.format(name)).json()["properties"]["mlFlowTrackingUri"]
        place = told.removeprefix(told.partition("/mlflow/")[0])
        assert place.endswith(WORKSPACE.format(name).partition("?")[0])
        made = client.post(f"{place}/api/2.0/mlflow/experiments/create", json={"name": f"of {name}"})
        found = client.get(f"/w/{name}/api/2.0/mlflow/experiments/get", params=made.json())
        assert found.json()["experiment"]["name"] == f"of {name}"
        rewritten = place.lower().replace("v1.0", "v2.0")
        searched = client.post(f"{rewritten}/api/2.0/mlflow/runs/search", json={"experiment_ids": ["0"]})
        assert searched.status_code == 200
        missing = client.get(f"{place}/api/2.0/mlflow/runs/get?run_id=none")
        assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert stranger.get(f"{place.replace('other', 'default')}/api/2.0/mlflow/runs/get?run_id=x").status_code == 404


def test_files_are_read_outside_of_jobs_by_the_address_of_a_data_asset(anonymous, alice, personal):
    """What azureml-fsspec and mltable ask for, which take `blobs` for the container of an address."""
    bearing = {"Authorization": f"Bearer {personal}"}
    address = "/datastore/v1.0" + WORKSPACE.format("default").replace("?", "/datastores/{}?")
    found = anonymous.get(address.format("workspaceblobstore"), headers=bearing).json()
    section = found["azureStorageSection"]
    assert (found["dataStoreType"], section["credentialType"]) == ("AzureBlob", "Sas")
    place = f"{section['accountName']}.blob.{section['endpoint']}/{section['containerName']}".partition("/blobs/")[2]
    query = section["credential"]
    assert anonymous.get(f"/blobs/{place}/data/digits/1/digits.csv?{query}").content.startswith(b"pixel")
    listing = f"/blobs?restype=container&comp=list&delimiter=/&prefix={place}"
    listed = anonymous.get(f"{listing}/data/digits/1/&{query}")
    assert f"<Name>{place}/data/digits/1/digits.csv</Name>" in listed.text
    assert anonymous.get(f"{listing}/data/digits/1/").status_code == 401
    assert anonymous.get("/blobs?comp=list&prefix=default.blob.x", headers=bearing).status_code == 400
    assert anonymous.get(address.format("missing"), headers=bearing).status_code == 404


def test_the_credentials_of_a_datastore_are_given_to_who_may_read_them(alice, stranger):
    stores = WORKSPACE.format("default").replace("?", "/datastores/{}?")
    properties = {"datastoreType": "AzureBlob", "accountName": "acme", "containerName": "c"}
    key = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "a2V5"}}
    made = {"properties": properties | {"credentials": key}}
    assert alice.put(stores.format("remote"), json=made).status_code == 201
    opened = alice.get("/datastore/v1.0" + stores.format("remote")).json()["azureStorageSection"]
    assert (opened["accountName"], opened["endpoint"]) == ("acme", "core.windows.net")
    assert (opened["credentialType"], opened["credential"]) == ("AccountKey", "a2V5")
    assert stranger.get("/datastore/v1.0" + stores.format("remote")).status_code == 404
    share = {"datastoreType": "AzureFile", "accountName": "acme", "fileShareName": "s", "credentials": key}
    assert alice.put(stores.format("share"), json={"properties": share}).status_code == 201
    refused = alice.get("/datastore/v1.0" + stores.format("share"))
    assert refused.status_code == 501 and "azure_file" in refused.json()["error"]["message"]


def test_a_workspace_may_have_a_name_of_azures(alice):
    group = WORKSPACE.partition("/providers")[0]
    name = "team_privatelink-prod-20261126135"
    parameters = {"workspaceName": {"value": name}}
    made = {"properties": {"template": {}, "parameters": parameters}}
    assert alice.put(f"{group}/providers/Microsoft.Resources/deployments/d", json=made).status_code == 201
    place = f"/blobs/{name}.blob.testserver/files/LocalUpload/abc/t.txt"
    assert alice.put(place, content=b"x", headers={"x-ms-blob-type": "BlockBlob"}).status_code == 201
    assert alice.get(place).content == b"x" and alice.get(f"/w/{name}/api/data").status_code == 200
    parameters["workspaceName"]["value"] = "Team"
    refused = alice.put(f"{group}/providers/Microsoft.Resources/deployments/d", json=made).json()["error"]
    assert refused["target"] == "name" and "'_'" in refused["message"]


def test_the_page_of_python_fills_in_a_new_token_that_works(alice, anonymous):
    page = alice.get("/w/default/python").text
    assert "YOUR-TOKEN" in page and "AZUREML_WORKSPACE_NAME=default" in page
    assert "&#34;workspace_name&#34;: &#34;default&#34;" in page
    made = alice.post("/python")
    token = made.text.partition("IDENTITY_HEADER=")[2].partition("\n")[0]
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store" and "YOUR-TOKEN" not in made.text
    assert anonymous.get("/api/me", headers={"Authorization": f"Bearer {token}"}).json()["name"] == "alice"
