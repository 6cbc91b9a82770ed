"""Computes over Azure's API, as its clients make, list and delete them."""

import pytest

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
CPU = f"{SCOPE}/computes/cpu"
CLUSTER = {
    "computeType": "AmlCompute",
    "description": "for training",
    "properties": {
        "vmSize": "Standard_D2",
        "vmPriority": "LowPriority",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT5M"},
        "osType": "Linux",
    },
}


def put(client, properties: dict):
    return client.put(CPU, json={"location": "local", "properties": properties, "tags": {"a": "b"}})


def test_a_cluster_is_made_changed_listed_and_deleted(alice):
    assert alice.get(CPU).json()["properties"]["description"].startswith("There is no compute 'cpu' here")
    made = put(alice, CLUSTER)
    assert made.status_code == 201, made.text
    assert made.json()["tags"] == {"a": "b"}
    # Older clients cannot read the same answer twice, and read the compute anew once this says so.
    assert alice.get(made.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    shown = alice.get(CPU).json()["properties"]
    assert (shown["computeType"], shown["description"]) == ("AmlCompute", "for training")
    own = shown["properties"]
    assert (own["vmSize"], own["vmPriority"]) == ("Standard_D2", "LowPriority")
    scale = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT300S"}
    assert own["scaleSettings"] == scale
    smaller = {**CLUSTER["properties"], "scaleSettings": {"maxNodeCount": 1}}
    assert put(alice, {**CLUSTER, "properties": smaller}).status_code == 200
    listed = alice.get(f"{SCOPE}/computes").json()["value"]
    assert [found["properties"]["properties"]["scaleSettings"]["maxNodeCount"] for found in listed] == [1]
    started = alice.post(f"{CPU}/start")
    assert started.status_code == 202 and alice.get(started.headers["Location"]).status_code == 200
    assert alice.post(f"{CPU}/listNodes").json() == {"nodes": []}
    assert [alice.delete(CPU).status_code, alice.delete(CPU).status_code] == [200, 204]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_no_compute_can_be_is_refused(alice, bob):
    assert put(alice, {"computeType": "Toaster"}).json()["error"]["target"] == "properties.computeType"
    wrong = {**CLUSTER["properties"], "scaleSettings": {"minNodeCount": 3, "maxNodeCount": 2}}
    assert put(alice, {**CLUSTER, "properties": wrong}).json()["error"]["target"] == "min_instances"
    assert put(bob, CLUSTER).status_code == 403
    assert put(alice, {"computeType": "ComputeInstance", "properties": {"vmSize": "x"}}).status_code == 201
    assert alice.get(CPU).json()["properties"]["properties"]["state"] == "Running"
    assert alice.post(f"{CPU}/stop").status_code == 202
    assert alice.get(CPU).json()["properties"]["properties"]["state"] == "Stopped"
    usages = alice.get("/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/local/usages")
    assert {"value": "Slots of queue default", "localizedValue": "Slots of queue default"} in [
        row["name"] for row in usages.json()["value"]
    ]
