"""Schedules over Azure's API, as its clients make, disable, trigger and delete them."""

import pytest

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default"
NIGHTLY = f"{SCOPE}/schedules/nightly"
CRON = {"triggerType": "Cron", "expression": "15 10 * * 1", "timeZone": "Eastern Standard Time"}
JOB = {"jobType": "Command", "command": "true", "experimentName": "digits", "isArchived": False}


def put(client, definition: dict = JOB, trigger: dict = CRON, **properties):
    action = {"actionType": "CreateJob", "jobDefinition": definition}
    return client.put(NIGHTLY, json={"properties": {"action": action, "trigger": trigger, **properties}})


def test_a_schedule_is_made_read_back_disabled_triggered_and_deleted(alice):
    made = put(alice, displayName="Nightly", tags={"a": "b"})
    assert made.status_code == 201, made.text
    shown = alice.get(NIGHTLY).json()["properties"]
    assert (shown["displayName"], shown["isEnabled"], shown["tags"]) == ("Nightly", True, {"a": "b"})
    assert {name: shown["trigger"][name] for name in CRON} == CRON
    definition = shown["action"]["jobDefinition"]
    assert (definition["jobType"], definition["command"], definition["experimentName"]) == ("Command", "true", "digits")
    again = alice.put(NIGHTLY, json={"properties": {**shown, "isEnabled": False}})
    assert again.json()["properties"]["isEnabled"] is False
    # A job that was read back is taken again, though it says where its page is.
    assert alice.put(NIGHTLY, json={"properties": again.json()["properties"]}).status_code == 200
    listed = lambda view: alice.get(f"{SCOPE}/schedules?listViewType={view}").json()["value"]  # noqa: E731
    assert (len(listed("EnabledOnly")), len(listed("DisabledOnly")), len(listed("All"))) == (0, 1, 1)
    result = alice.post(f"{NIGHTLY}/trigger", json={}).json()
    assert alice.get(f"{SCOPE}/jobs/{result['submissionId']}").json()["properties"]["command"] == "true"
    assert [alice.delete(NIGHTLY).status_code, alice.delete(NIGHTLY).status_code] == [200, 204]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_job_of_the_server_is_run_again_with_other_inputs(alice):
    job = {**JOB, "command": "echo ${{inputs.x}}", "inputs": {"x": {"jobInputType": "literal", "value": "1"}}}
    alice.put(f"{SCOPE}/jobs/first", json={"properties": job})
    weekly = {"triggerType": "Recurrence", "frequency": "Week", "interval": 1, "timeZone": "UTC"}
    weekly["schedule"] = {"hours": [10], "minutes": [0, 30], "weekDays": ["Monday"]}
    changed = {"jobType": "Pipeline", "sourceJobId": f"{SCOPE}/jobs/first", "experimentName": "", "isArchived": False}
    changed["inputs"] = {"x": {"jobInputType": "literal", "value": "2"}}
    made = put(alice, changed, weekly)
    assert made.status_code == 201, made.text
    shown = made.json()["properties"]
    assert {name: shown["trigger"][name] for name in weekly} == weekly
    assert shown["action"]["jobDefinition"]["sourceJobId"] == f"{SCOPE}/jobs/first"
    name = alice.post(f"{NIGHTLY}/trigger", json={}).json()["submissionId"]
    assert alice.get(f"{SCOPE}/jobs/{name}").json()["properties"]["inputs"]["x"]["value"] == "2"
    wrong = put(alice, trigger={**CRON, "expression": "soon"})
    assert wrong.json()["error"]["target"] == "trigger.expression"
    other = {"properties": {"action": {"actionType": "CreateMonitor"}, "trigger": CRON}}
    assert alice.put(NIGHTLY, json=other).json()["error"]["target"] == "properties.action.actionType"
