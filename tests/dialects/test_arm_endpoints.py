"""Online endpoints and deployments over Azure's API, as its clients make, follow and change them."""

from sqlalchemy import update

from app.access import bearer
from app.database import transaction
from app.endpoints import logs, queries
from app.endpoints.tables import OnlineDeployment
from app.kit.storage import store

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
ENDPOINT = f"{SCOPE}/onlineEndpoints/ep1"
BLUE = f"{ENDPOINT}/deployments/blue"
CODE = "workspaces/1/LocalUpload/abc/score/score.py"
DEPLOYMENT = {
    "endpointComputeType": "Managed",
    "codeConfiguration": {"codeId": f"azureml:{SCOPE}/codes/abc/versions/1", "scoringScript": "score.py"},
    "environmentId": f"azureml:{SCOPE}/environments/pytorch-2.13-cpu/versions/1",
    "environmentVariables": {"A": "b"},
    "instanceType": "Standard_DS3_v2",
    "requestSettings": {"maxConcurrentRequestsPerInstance": 2, "requestTimeout": "PT3S"},
    "livenessProbe": {"period": "PT5S", "initialDelay": "PT0.5S"},
    "properties": {},
}


def put(client, **changes):
    body = {"properties": {**DEPLOYMENT, **changes}, "sku": {"name": "Default", "capacity": 1}, "tags": {"t": "u"}}
    return client.put(BLUE, json=body | changes.pop("body", {}))


def make(client, **properties):
    store().write_bytes(CODE, b"def init(): ...\ndef run(raw): ...\n")
    body = {"location": "local", "properties": {"authMode": "Key", **properties}, "tags": {"a": "b"}}
    return client.put(ENDPOINT, json=body)


def _settle(state: str, error: str | None = None) -> None:
    with transaction() as session:
        session.execute(update(OnlineDeployment).values(provisioning_state=state, error=error))


def test_an_endpoint_is_made_and_its_keys_are_listed_and_replaced(alice, bob):
    made = make(alice)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["properties"]["provisioningState"] == "Succeeded" and shown["tags"] == {"a": "b"}
    assert shown["properties"]["scoringUri"].endswith("/w/default/endpoints/ep1/score")
    keys = alice.post(f"{ENDPOINT}/listKeys").json()
    changed = alice.post(f"{ENDPOINT}/regenerateKeys", json={"keyType": "Secondary", "keyValue": keys["secondaryKey"]})
    assert changed.status_code == 200
    after = alice.post(f"{ENDPOINT}/listKeys").json()
    assert after["primaryKey"] == keys["primaryKey"] and after["secondaryKey"] != keys["secondaryKey"]
    assert bob.post(f"{ENDPOINT}/listKeys").status_code == 403
    token = alice.post(f"{ENDPOINT}/token").json()
    assert bearer.read(token["accessToken"]) and token["refreshAfterTimeUtc"] < token["expiryTimeUtc"]
    assert [found["name"] for found in alice.get(f"{SCOPE}/onlineEndpoints").json()["value"]] == ["ep1"]


def test_a_deployment_is_followed_until_it_serves_and_read_back_as_it_was_sent(alice):
    make(alice)
    made = put(alice)
    assert made.status_code == 201, made.text
    operation = made.headers["Azure-AsyncOperation"]
    assert alice.get(operation).json()["status"] == "InProgress"
    _settle("Succeeded")
    assert alice.get(operation).json()["status"] == "Succeeded"
    shown = alice.get(BLUE).json()
    assert (shown["sku"]["capacity"], shown["tags"]) == (1, {"t": "u"})
    properties = shown["properties"]
    # Without it clients cannot read the deployment.
    assert properties["scaleSettings"] == {"scaleType": "Default"}
    assert properties["codeConfiguration"] == {"codeId": f"{SCOPE}/codes/abc/versions/1", "scoringScript": "score.py"}
    assert properties["environmentId"] == f"{SCOPE}/environments/pytorch-2.13-cpu/versions/1"
    assert properties["requestSettings"]["requestTimeout"] == "PT3S"
    probe = properties["livenessProbe"]
    assert (probe["period"], probe["initialDelay"], probe["timeout"]) == ("PT5S", "PT0.5S", "PT2S")
    assert alice.put(ENDPOINT, json={"properties": {"authMode": "Key", "traffic": {"blue": 100}}}).status_code == 200
    assert alice.get(ENDPOINT).json()["properties"]["traffic"] == {"blue": 100}
    refused = alice.delete(BLUE)
    assert (refused.status_code, refused.json()["error"]["target"]) == (409, "traffic")


def test_more_instances_of_the_same_leave_those_that_serve(alice):
    make(alice)
    put(alice)
    put(alice, body={"sku": {"name": "Default", "capacity": 3}})
    with transaction() as session:
        found = queries.get_deployment(session, 1, "ep1", "blue")
        assert (found.generation, found.instance_count) == (1, 3)
    put(alice, environmentVariables={"A": "c"})
    with transaction() as session:
        assert queries.get_deployment(session, 1, "ep1", "blue").generation == 2
    alice.patch(BLUE, json={"sku": {"capacity": 1}, "tags": {"t": "v"}})
    shown = alice.get(BLUE).json()
    assert (shown["sku"]["capacity"], shown["tags"]) == (1, {"t": "v"})
    bounds = alice.get(f"{BLUE}/skus").json()["value"][0]["capacity"]
    assert bounds["minimum"] == 1 < bounds["maximum"]


def test_what_it_collects_and_where_it_runs_are_read_back(alice):
    make(alice)
    inputs = {"dataCollectionMode": "Enabled", "dataId": "azureml:inputs:1", "samplingRate": 0.5}
    collector = {
        "collections": {"model_inputs": inputs},
        "rollingRate": "Day",
        "requestLogging": {"captureHeaders": ["a"]},
    }
    said = {"dataCollector": collector, "egressPublicNetworkAccess": "Disabled", "appInsightsEnabled": True}
    said |= {"endpointComputeType": "Kubernetes", "containerResourceRequirements": {"limits": {"memory": "1Gi"}}}
    assert put(alice, **said).status_code == 201
    shown = alice.get(BLUE).json()["properties"]
    assert {name: shown[name] for name in said} == said
    # Clients define the folder that will be collected into before the deployment.
    uri = f"azureml:/{SCOPE}/datastores/workspaceblobstore/paths/modelDataCollector/ep1/blue/model_inputs"
    asset = {"properties": {"dataType": "uri_folder", "dataUri": uri}}
    defined = alice.put(f"{SCOPE}/data/ep1-blue-model_inputs/versions/1", json=asset)
    assert defined.status_code == 201, defined.text


def test_a_deployment_that_fails_says_why_and_shows_its_log(alice):
    make(alice)
    operation = put(alice).headers["Azure-AsyncOperation"]
    _settle("Failed", "ValueError: no such model")
    error = alice.get(operation).json()["error"]
    assert error["code"] == "DeploymentFailed" and "no such model" in error["message"]
    with transaction() as session:
        found = queries.get_deployment(session, 1, "ep1", "blue")
        store().write_bytes(logs.key(1, found.id, 0), b"one\ntwo\nthree\n")
    assert alice.post(f"{BLUE}/getLogs", json={"tail": 2}).json() == {"content": "two\nthree\n"}
    # The next deployment may get the number of this one, and shows nothing of it.
    assert alice.delete(BLUE).status_code == 200 and put(alice).status_code == 201
    assert alice.post(f"{BLUE}/getLogs", json={"tail": 2}).json() == {"content": ""}


def test_mistakes_are_named_as_they_were_sent(alice):
    assert make(alice, authMode="Sesame").json()["error"]["target"] == "properties.authMode"
    make(alice)
    mirrored = make(alice, mirrorTraffic={"blue": 10}).json()["error"]
    assert mirrored["target"] == "mirror_traffic.blue"
    assert put(alice, codeConfiguration={"codeId": "git+https://x"}).json()["error"]["target"] == "properties.codeId"
    slow = put(alice, requestSettings={"requestTimeout": "PT1H"}).json()["error"]
    assert slow["target"] == "properties.requestSettings.requestTimeoutMs"
    assert alice.get(f"{ENDPOINT}/deployments/none").status_code == 404
    assert [alice.delete(BLUE).status_code, alice.delete(ENDPOINT).status_code] == [204, 200]
    assert alice.delete(ENDPOINT).status_code == 204
