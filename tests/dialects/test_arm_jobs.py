"""Jobs and run history over Azure's API: what its clients send is submitted, and read back as they expect."""

import re

import pytest

from app.database import transaction
from app.jobs import moves, places, queries
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.storage import store

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
JOBS, HISTORY = f"{SCOPE}/jobs", f"/history/v1.0{SCOPE}"
COMMAND = {
    "jobType": "Command",
    "displayName": "Train",
    "experimentName": "digits",
    "command": "python train.py --lr ${{inputs.lr}} ${{inputs.data}} ${{outputs.model}}",
    "environmentId": f"azureml:{SCOPE}/environments/pytorch-2.13-cpu/labels/latest",
    "computeId": f"azureml:{SCOPE}/computes/cpu",
    "inputs": {
        "lr": {"jobInputType": "literal", "value": "0.5"},
        "data": {"jobInputType": "uri_file", "uri": f"azureml:{SCOPE}/data/digits/versions/1", "mode": "Download"},
    },
    "outputs": {"model": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}},
    "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 1},
    "resources": {"dockerArgs": "--memory 1g", "instanceCount": 1},
    "limits": {"jobLimitsType": "Command", "timeout": "PT100S"},
    "tags": {"team": "vision"},
}
SWEEP = {
    "jobType": "Sweep",
    "searchSpace": {"lr": ["uniform", [0.1, 1]], "b": ["choice", [[1, 2]]]},
    "samplingAlgorithm": {"samplingAlgorithmType": "Random", "seed": 3},
    "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 4, "maxConcurrentTrials": 2, "trialTimeout": "PT60S"},
    "earlyTermination": {"policyType": "Bandit", "slackFactor": 0.1, "evaluationInterval": 1, "delayEvaluation": 0},
    "objective": {"goal": "Maximize", "primaryMetric": "acc"},
    "trial": {"command": "python t.py ${{search_space.lr}} ${{search_space.b}}"},
}


def put(client, name: str, properties: dict):
    return client.put(f"{JOBS}/{name}?api-version=2025-01-01-preview", json={"properties": properties})


def _ended(name: str, status: Status = Status.COMPLETED) -> None:
    with transaction() as session:
        job = queries.get(session, 1, name)
        for state in (Status.PREPARING, Status.RUNNING, status):
            moves.move(session, job, state)


def test_a_command_job_is_submitted_and_read_back_as_it_was_sent(alice, sent):
    answer = put(alice, "train", COMMAND)
    assert answer.status_code == 201, answer.text
    assert [name for name, _ in sent] == ["jobs.run"]
    found = alice.get(f"{JOBS}/train").json()
    assert (found["name"], found["id"]) == ("train", f"{JOBS}/train")
    shown = found["properties"]
    assert (shown["status"], shown["isArchived"]) == ("Queued", False)
    # What the client reads without asking whether it is there.
    assert (shown["properties"], shown["services"]["Studio"]["jobServiceType"]) == ({}, "Studio")
    assert "?" in shown["services"]["Studio"]["endpoint"]
    for name in ("jobType", "displayName", "experimentName", "command", "tags", "distribution", "limits", "resources"):
        assert shown[name] == COMMAND[name], name
    assert shown["inputs"]["lr"] == COMMAND["inputs"]["lr"]
    data = {"jobInputType": "uri_file", "uri": f"{SCOPE}/data/digits/versions/1", "mode": "Download"}
    assert shown["inputs"]["data"] == data
    assert shown["environmentId"] == f"{SCOPE}/environments/pytorch-2.13-cpu/labels/latest"
    assert shown["computeId"] == f"{SCOPE}/computes/cpu"
    # An output of the name `default` would make clients list storage for the logs.
    assert set(shown["outputs"]) == {"model"}
    assert shown["outputs"]["model"]["uri"].endswith("/datastores/workspaceblobstore/paths/jobs/train/outputs/model")


def test_a_put_on_a_job_changes_what_is_said_of_it_and_never_runs_it_again(alice, sent):
    put(alice, "train", COMMAND)
    _ended("train")
    sent.clear()
    changed = {**COMMAND, "displayName": "Again", "tags": {"a": "b"}, "isArchived": True, "command": "other"}
    answer = put(alice, "train", changed)
    shown = answer.json()["properties"]
    assert (answer.status_code, shown["status"], shown["displayName"]) == (200, "Completed", "Again")
    assert (shown["tags"], shown["isArchived"]) == ({"a": "b"}, True)
    assert shown["command"] == COMMAND["command"] and sent == []


def test_a_sweep_is_read_back_with_its_space_in_the_form_of_the_wire(alice):
    answer = put(alice, "sweep", SWEEP)
    assert answer.status_code == 201, answer.text
    shown = alice.get(f"{JOBS}/sweep").json()["properties"]
    assert shown["trial"]["command"] == SWEEP["trial"]["command"] and shown["inputs"] == {}
    for name in ("jobType", "searchSpace", "samplingAlgorithm", "limits", "earlyTermination", "objective"):
        assert shown[name] == SWEEP[name], name


def test_the_list_has_pages_views_and_no_parts_of_others(alice):
    for number in range(3):
        put(alice, f"j{number}", {**COMMAND, "inputs": {}, "command": "true", "tags": {"n": str(number)}})
    put(alice, "child", {"jobType": "Command", "command": "true", "parentJobName": "j0"})
    put(alice, "j1", {"isArchived": True})
    first = alice.get(f"{JOBS}?$top=1").json()
    assert [job["name"] for job in first["value"]] == ["j2"]
    second = alice.get(first["nextLink"]).json()
    assert [job["name"] for job in second["value"]] == ["j0"] and "nextLink" not in second
    names = lambda query: [job["name"] for job in alice.get(f"{JOBS}?{query}").json()["value"]]  # noqa: E731
    assert names("listViewType=ArchivedOnly") == ["j1"] and len(names("listViewType=All")) == 3
    assert names("tag=n%3D0") == ["j0"] and names("jobType=Sweep") == []
    assert alice.get(f"{JOBS}?listViewType=Some").json()["error"]["target"] == "listViewType"
    below = alice.get(f"{HISTORY}/runs/j0/children").json()["value"]
    assert [(run["runId"], run["parentRunId"]) for run in below] == [("child", "j0")]


def test_logs_and_outputs_are_given_out_as_addresses_that_open(alice):
    put(alice, "train", COMMAND)
    log = alice.get(f"{HISTORY}/runs/train/details").json()
    assert (log["status"], log["logFiles"]) == ("Queued", {})
    with transaction() as session:
        job = queries.get(session, 1, "train")
        store().write_bytes(places.log_key(job), b"epoch 1\n")
        store().write_bytes(f"{places.output_key(job, 'model')}/m.bin", b"weights")
        store().write_bytes(f"{places.artifact_key(job)}/outputs/a.txt", b"kept")
    _ended("train")
    place = alice.get(f"{SCOPE}/datastores/workspaceartifactstore").json()["properties"]
    container = f"/blobs/default.blob.{place['endpoint']}/{place['containerName']}"
    folder = "ExperimentRun/dcid.train/"
    listed = alice.get(container, params={"restype": "container", "comp": "list", "prefix": folder}).text
    assert re.findall("<Name>(.*?)</Name>", listed) == [f"{folder}user_logs/std_log.txt", f"{folder}outputs/a.txt"]
    assert alice.get(f"{container}/{folder}outputs/a.txt").content == b"kept"
    assert alice.get(f"{container}/{folder}user_logs/std_log.txt").content == b"epoch 1\n"
    assert alice.get(f"{container}/{folder}../secret").status_code in (400, 404)
    details = alice.get(f"{HISTORY}/runs/train/details").json()
    assert alice.get(details["logFiles"]["user_logs/std_log.txt"]).text == "epoch 1\n"
    # Releases of the client call data differently, and tell so by whether they name a version of the API.
    for version, word in (("", "UriFolder"), ("?api-version=v1.0", "uri_folder")):
        answer = alice.post(f"{HISTORY}/rundata{version}", json={"runId": "train"})
        outputs = answer.json()["runMetadata"]["outputs"]
        assert outputs["model"]["type"] == word
    asked = {"values": [outputs["model"]["assetId"]]}
    uris = alice.post(f"/data/v1.0{SCOPE}/dataversion/batchGetResolvedUris", json=asked).json()["values"]
    assert uris[outputs["model"]["assetId"]]["uri"].endswith("/paths/jobs/train/outputs/model")


def test_a_failed_run_says_why(alice):
    put(alice, "train", COMMAND)
    with transaction() as session:
        job = queries.get(session, 1, "train")
        moves.fail(session, job, "Exit code 3: the command failed.")
    details = alice.get(f"{HISTORY}/runs/train/details").json()
    assert details["error"]["error"] == {"code": "UserError", "message": "Exit code 3: the command failed."}


def test_history_adds_tags_and_properties_archives_and_restores(alice):
    put(alice, "train", COMMAND)
    address = f"{HISTORY}/experiments/digits/runs/train"
    alice.patch(address, json={"hidden": True, "tags": {"b": "c"}, "properties": {"p": "1"}})
    shown = alice.get(f"{JOBS}/train").json()["properties"]
    assert (shown["isArchived"], shown["tags"]) == (True, {"team": "vision", "b": "c"})
    assert shown["properties"] == {"p": "1"}
    assert alice.patch(address, json={"hidden": False}).json()["hidden"] is False
    refused = alice.patch(address, json={"properties": {"p": "2"}})
    assert (refused.status_code, refused.json()["error"]["target"]) == (400, "properties.p")


def test_cancel_is_followed_to_the_end_and_what_ended_is_deleted(alice):
    put(alice, "waiting", COMMAND)
    assert alice.post(f"{JOBS}/waiting/cancel").status_code == 200
    put(alice, "running", COMMAND)
    with transaction() as session:
        moves.move(session, queries.get(session, 1, "running"), Status.PREPARING)
    asked = alice.post(f"{JOBS}/running/cancel")
    assert asked.status_code == 202
    assert alice.get(asked.headers["Location"]).status_code == 202
    with transaction() as session:
        moves.move(session, queries.get(session, 1, "running"), Status.CANCELED)
    assert alice.get(asked.headers["Location"]).status_code == 200
    assert alice.delete(f"{JOBS}/running").status_code == 200
    assert alice.get(f"{JOBS}/running").status_code == 404
    assert alice.delete(f"{JOBS}/running").status_code == 204


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_mistakes_are_named_without_lines_of_a_file_that_nobody_wrote(alice, bob):
    wrong = {**COMMAND, "resources": {"shmSize": "much"}}
    error = put(alice, "x", wrong).json()["error"]
    assert (error["code"], error["target"]) == ("Invalid", "resources.shm_size")
    assert error["message"].startswith("`resources.shm_size` is 'much'")
    unknown = put(alice, "x", {**COMMAND, "codeId": f"azureml:{SCOPE}/codes/none/versions/1"}).json()["error"]
    assert "none" in unknown["message"] and unknown["target"] == "properties.codeId"
    assert put(bob, "x", COMMAND).status_code == 403
    with transaction() as session:
        assert session.query(Job).count() == 0
